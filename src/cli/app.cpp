#include "cli/app.h"

#include <sched.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <sstream>

namespace scoresde {
namespace {

std::atomic<bool> stop_requested{false};

// Help of 80 columns that begins with a worked example; the summary alone stands in the list of commands.
class ExampleFirst : public CLI::Formatter {
 public:
  explicit ExampleFirst(std::string example) : example_(std::move(example)) {}

  std::string make_description(const CLI::App* app) const override {
    return "Example:\n  " + example_ + "\n\n" + CLI::Formatter::make_description(app);
  }
  std::string make_option(const CLI::Option* option, bool positional) const override {
    return two_columns("  " + make_option_name(option, positional), option->get_description() + default_text(option));
  }
  std::string make_subcommand(const CLI::App* command) const override {
    return two_columns("  " + command->get_name(), command->get_description());
  }

 private:
  static std::string default_text(const CLI::Option* option) {
    if (option->get_required()) return " (required)";
    return option->get_default_str().empty() ? "" : " (default: " + option->get_default_str() + ")";
  }

  static std::string two_columns(std::string line, const std::string& text) {
    constexpr std::size_t left = 18, right = 80;
    std::string out;
    if (line.size() + 2 > left) {
      out = line + "\n";
      line.clear();
    }
    line.resize(left, ' ');
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      if (line.size() > left && line.size() + 1 + word.size() > right) {
        out += line + "\n";
        line.assign(left, ' ');
      }
      line += (line.size() > left ? " " : "") + word;
    }
    return out + line + "\n";
  }

  std::string example_;
};

extern "C" void request_stop(int signal) {
  if (stop_requested.exchange(true)) std::_Exit(128 + signal);  // the second Ctrl-C does not wait
}

}  // namespace

void set_help(CLI::App& app, const std::string& example) { app.formatter(std::make_shared<ExampleFirst>(example)); }

CLI::App* add_command(CLI::App& app, CommonFlags& flags, const std::string& name, const std::string& summary,
                      const std::string& example) {
  CLI::App* command = app.add_subcommand(name, summary);
  set_help(*command, example);
  command->add_option("--threads", flags.threads, "threads to use; 0: all cores this process may run on")
      ->check(within(0, 4096));
  command->add_flag("--json", flags.json, "print the result as JSON on stdout");
  command->add_flag("--quiet", flags.quiet, "no progress on stderr");
  return command;
}

CLI::Validator within(double low, double high) {
  return CLI::Validator(
      [low, high](std::string& text) {
        double value;
        const bool fine = parse_number(text, value) && value >= low && value <= high;
        if (fine) return std::string();
        if (high >= 1e15) return fmt::format("{} is not a number of at least {:g}", text, low);
        return fmt::format("{} is not a number in [{:g}, {:g}]", text, low, high);
      },
      "");
}

CLI::Validator ends_in(const std::string& extension) {
  return CLI::Validator(
      [extension](std::string& path) {
        return path.ends_with(extension) ? std::string() : fmt::format("{} does not end in {}", path, extension);
      },
      "");
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

std::string counted(long long n, const std::string& noun) { return grouped(n) + " " + noun + (n == 1 ? "" : "s"); }

void print_json(const Json& json) { std::puts(json.dump(2, ' ', false, Json::error_handler_t::replace).c_str()); }

}  // namespace scoresde
