#include "cli/call.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "data/image.h"

namespace scoresde {
namespace {

/// The commands whose pictures can be made again, and the option that says where to.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kPainters = {{{"decode", "--out"},
                                                                                     {"interpolate", "--out"},
                                                                                     {"restore", "--out"},
                                                                                     {"data", "--out"},
                                                                                     {"evaluate", "--neighbours"}}};
/// Options that write, and those that no result depends on.
constexpr std::array<std::string_view, 9> kUnrecorded = {
    "--out", "--neighbours", "--save-statistics", "--work", "--force", "--threads", "--batch", "--json", "--quiet"};

bool unrecorded(std::string_view argument) {
  const std::string_view name = argument.substr(0, argument.find('='));
  return std::find(kUnrecorded.begin(), kUnrecorded.end(), name) != kUnrecorded.end();
}

std::vector<std::string> arguments_of(const Json& recipe, const std::string& where) {
  std::vector<std::string> arguments;
  const auto found = recipe.find("arguments");
  if (found == recipe.end() || !found->is_array()) fail(Failure::data, "{}: its recipe has no arguments", where);
  for (const Json& argument : *found) {
    if (!argument.is_string() || unrecorded(argument.get<std::string>()))
      fail(Failure::data, "{}: its recipe has the argument {}, which no recipe has", where, shown(argument));
    arguments.push_back(argument.get<std::string>());
  }
  return arguments;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "scoresde-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      fail(Failure::run, "{}: no temporary folder can be made there", fs::temp_directory_path().string());
    path_ = pattern;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// This program with other arguments; what it prints as its result is dropped, what it says of errors is not.
int run_self(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail(Failure::run, "the program cannot start itself: error {}", error);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Json call_recipe(const CLI::App& command) {
  Json arguments = Json::array();
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0) continue;
    const bool named = option->nonpositional();
    const std::string name = !named                         ? ""
                             : option->get_lnames().empty() ? "-" + option->get_snames().front()
                                                            : "--" + option->get_lnames().front() + "=";
    if (named && unrecorded(name)) continue;
    for (const std::string& value : option->results()) arguments.push_back(name + value);
  }
  return {{"scoresde", SCORESDE_VERSION}, {"command", command.get_name()}, {"arguments", std::move(arguments)}};
}

PngText recipe_text(Json recipe, const std::string& file) {
  if (!file.empty()) recipe["file"] = file;
  return {{"scoresde", shown(recipe)}};
}

Image paint_again(const Json& recipe, const std::string& where, int threads, bool quiet) {
  const auto painter = std::find_if(kPainters.begin(), kPainters.end(), [&](const auto& entry) {
    return recipe["command"].is_string() && recipe["command"].get<std::string>() == entry.first;
  });
  if (painter == kPainters.end())
    fail(Failure::data, "{}: its recipe is a call of {}, which makes no pictures", where, shown(recipe["command"]));
  const auto file = recipe.find("file");
  const TemporaryFolder folder;
  const fs::path out = folder.path() / (file == recipe.end() ? "picture.png" : "pictures");
  std::vector<std::string> words = {"scoresde", std::string(painter->first)};
  for (std::string& argument : arguments_of(recipe, where)) words.push_back(std::move(argument));
  words.insert(words.end(), {std::string(painter->second), out.string(), "--threads", std::to_string(threads)});
  if (quiet) words.push_back("--quiet");
  if (run_self(words) != 0) fail(Failure::run, "{}: `{}` failed", where, call_text(recipe));
  const fs::path picture = file == recipe.end() ? out : out / (file->is_string() ? file->get<std::string>() : "");
  if (!fs::relative(picture, folder.path()).string().starts_with("picture") || !fs::is_regular_file(picture))
    fail(Failure::run, "{}: `{}` makes no {}", where, call_text(recipe),
         file == recipe.end() ? "picture" : shown(*file));
  return read_image(picture);
}

std::string call_text(const Json& recipe) {
  std::string text = "scoresde";
  if (recipe["command"].is_string()) text += " " + recipe["command"].get<std::string>();
  const auto arguments = recipe.find("arguments");
  if (arguments != recipe.end() && arguments->is_array())
    for (const Json& argument : *arguments) text += " " + (argument.is_string() ? argument.get<std::string>() : "?");
  return text;
}

}  // namespace scoresde
