#include <cstdio>
#include <new>

#include "cli/app.h"
#include "core/error.h"

namespace {

using namespace scoresde;

std::string version_text() { return std::string("scoresde ") + SCORESDE_VERSION + " (" + __VERSION__ + ")"; }

// A wrong command name deserves the nearest right one.
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return "";
  std::vector<std::string> owned;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    owned.push_back(command->get_name());
  const std::vector<std::string_view> names(owned.begin(), owned.end());
  for (std::string_view name : names)
    if (name == argv[1]) return "";
  const std::string near = nearest(argv[1], names);
  return fmt::format("no command '{}'{}; there are {}", argv[1], near.empty() ? "" : ", did you mean '" + near + "'?",
                     join(names));
}

int run(int argc, char** argv) {
  CLI::App app("Score-based generative modelling through stochastic differential equations.", "scoresde");
  set_help(app,
           "scoresde train digits --preset digits --minutes 2 --out runs/digits\n"
           "  scoresde sample runs/digits --out samples.png -n 64");
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.fallthrough(false);
  CommonFlags flags;
  add_train(app, flags);
  add_sample(app, flags);
  add_likelihood(app, flags);
  add_encode(app, flags);
  add_decode(app, flags);
  add_interpolate(app, flags);
  add_restore(app, flags);
  add_evaluate(app, flags);
  add_compare(app, flags);
  add_calibrate(app, flags);
  add_replay(app, flags);
  add_data(app, flags);
  add_info(app, flags);
  add_list(app, flags);
  add_report(app, flags);
  add_selftest(app, flags);
  add_import(app, flags);
  add_export(app, flags);
  add_bench(app, flags);
  if (const std::string message = unknown_command(app, argc, argv); !message.empty())
    fail(Failure::usage, "{}", message);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    fail(Failure::usage, "{} (see scoresde {}--help)", error.what(),
         argc > 1 && argv[1][0] != '-' ? std::string(argv[1]) + " " : "");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const scoresde::Error& error) {
    std::fprintf(stderr, "scoresde: %s\n", error.what());
    return static_cast<int>(error.failure());
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "scoresde: out of memory\n");
    return 1;
  } catch (const std::exception& error) {
    // LibTorch's messages carry a backtrace behind the first line.
    const std::string text = error.what();
    std::fprintf(stderr, "scoresde: %s\n", text.substr(0, text.find('\n')).c_str());
    return 1;
  }
}
