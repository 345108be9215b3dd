#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace scoresde {

/// What every command takes.
struct CommonFlags {
  int threads = 0;     ///< 0: all cores this process may use
  bool json = false;   ///< results as JSON on stdout
  bool quiet = false;  ///< no progress on stderr
  bool force = false;  ///< overwrite existing outputs
};

/// Help of 80 columns with `example` first.
void set_help(CLI::App& app, const std::string& example);

/// Makes a subcommand with the common flags. `example` stands first in its help.
CLI::App* add_command(CLI::App& app, CommonFlags& flags, const std::string& name, const std::string& summary,
                      const std::string& example);

/// The number of threads to use: `flags.threads`, or the cores this process may run on.
int thread_count(const CommonFlags& flags);

/// "0-63", "5", "1,4,9-12" as a list. Error{usage} for anything else, or more than 10 million.
std::vector<std::uint64_t> parse_ranges(std::string_view text, std::string_view option);

/// For ->check(): a number in [low, high]; NaN and text are refused too.
CLI::Validator within(double low, double high);

/// For ->check(): a path that ends in `extension`, such as ".png".
CLI::Validator ends_in(const std::string& extension);

/// Set by SIGINT and SIGTERM after catch_interrupts(): long work looks at it between steps.
const std::atomic<bool>& interrupted();
void catch_interrupts();

/// "1 sample", "64 samples".
std::string counted(long long n, const std::string& noun);

/// Exit code after Ctrl-C, as the shell gives it: `train && sample` must not go on.
inline constexpr int exit_interrupted = 130;

/// Prints JSON on stdout, indented.
void print_json(const Json& json);

// One function a subcommand, each in a file of its own. They register it; it runs from the callback.
void add_train(CLI::App& app, CommonFlags& flags);
void add_sample(CLI::App& app, CommonFlags& flags);
void add_likelihood(CLI::App& app, CommonFlags& flags);
void add_encode(CLI::App& app, CommonFlags& flags);
void add_decode(CLI::App& app, CommonFlags& flags);
void add_interpolate(CLI::App& app, CommonFlags& flags);
void add_restore(CLI::App& app, CommonFlags& flags);
void add_evaluate(CLI::App& app, CommonFlags& flags);
void add_data(CLI::App& app, CommonFlags& flags);
void add_info(CLI::App& app, CommonFlags& flags);
void add_list(CLI::App& app, CommonFlags& flags);
void add_report(CLI::App& app, CommonFlags& flags);
void add_selftest(CLI::App& app, CommonFlags& flags);
void add_import(CLI::App& app, CommonFlags& flags);
void add_export(CLI::App& app, CommonFlags& flags);
void add_bench(CLI::App& app, CommonFlags& flags);
void add_replay(CLI::App& app, CommonFlags& flags);
void add_compare(CLI::App& app, CommonFlags& flags);
void add_calibrate(CLI::App& app, CommonFlags& flags);

}  // namespace scoresde
