#include "cli/app.h"

#include <sched.h>

#include <atomic>
#include <csignal>
#include <cstdio>

namespace scoresde {
namespace {

std::atomic<bool> stop_requested{false};

// Help that begins with a worked example; the summary alone stands in the list of commands.
class ExampleFirst : public CLI::Formatter {
 public:
  explicit ExampleFirst(std::string example) : example_(std::move(example)) {}
  std::string make_description(const CLI::App* app) const override {
    return "Example:\n  " + example_ + "\n\n" + CLI::Formatter::make_description(app);
  }

 private:
  std::string example_;
};

extern "C" void request_stop(int signal) {
  if (stop_requested.exchange(true)) std::_Exit(128 + signal);  // the second Ctrl-C does not wait
}

}  // namespace

CLI::App* add_command(CLI::App& app, CommonFlags& flags, const std::string& name, const std::string& summary,
                      const std::string& example) {
  CLI::App* command = app.add_subcommand(name, summary);
  command->formatter(std::make_shared<ExampleFirst>(example));
  command->add_option("--threads", flags.threads, "threads to use; 0: all cores this process may run on")
      ->check(CLI::Range(0, 4096));
  command->add_flag("--json", flags.json, "print the result as JSON on stdout");
  command->add_flag("--quiet", flags.quiet, "no progress on stderr");
  return command;
}

int thread_count(const CommonFlags& flags) {
  if (flags.threads > 0) return flags.threads;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  return sched_getaffinity(0, sizeof cores, &cores) == 0 ? std::max(1, CPU_COUNT(&cores)) : 1;
}

std::vector<std::uint64_t> parse_ranges(std::string_view text, std::string_view option) {
  constexpr long long most = 10'000'000;
  std::vector<std::uint64_t> values;
  for (const std::string& part : split(text, ',')) {
    const std::size_t dash = part.find('-', 1);
    long long first = 0, last = 0;
    const bool fine = parse_number(part.substr(0, dash), first) &&
                      (dash == std::string::npos ? (last = first, true) : parse_number(part.substr(dash + 1), last));
    if (!fine || first < 0 || last < first || last >= 1LL << 40)
      fail(Failure::usage, "{} {} must be numbers and ranges such as 0-63 or 1,4,9-12", option, text);
    if (last - first >= most || static_cast<long long>(values.size()) + last - first >= most)
      fail(Failure::usage, "{} {} names more than {} samples", option, text, most);
    for (long long value = first; value <= last; ++value) values.push_back(static_cast<std::uint64_t>(value));
  }
  if (values.empty()) fail(Failure::usage, "{} is empty; give numbers and ranges such as 0-63", option);
  return values;
}

const std::atomic<bool>& interrupted() { return stop_requested; }

void catch_interrupts() {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
}

void print_json(const Json& json) { std::puts(json.dump(2).c_str()); }

}  // namespace scoresde
