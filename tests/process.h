#pragma once
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "test_paths.h"

namespace scoresde::test {

/// What a command did.
struct Outcome {
  int exit = -1;
  std::string out, err;
  double seconds = 0;
};

/// A folder that is empty at the start and gone at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "scoresde_test_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Runs `command` in a shell.
inline Outcome shell(const std::string& command) {
  const TemporaryFolder folder;
  const auto start = std::chrono::steady_clock::now();
  const int status = std::system(("{ " + command + "; } >" + (folder / "out") + " 2>" + (folder / "err")).c_str());
  Outcome outcome;
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  outcome.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = content(folder / "out");
  outcome.err = content(folder / "err");
  return outcome;
}

/// Runs the program under test: scoresde("sample runs/x --out y.png").
inline Outcome scoresde(const std::string& arguments) { return shell(std::string(SCORESDE_BINARY) + " " + arguments); }

}  // namespace scoresde::test
