#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "core/noise.h"
#include "nn/threads.h"
#include "train/trainer.h"

extern char** environ;

namespace scoresde {
namespace {

constexpr const char* folder_variable = "SCORESDE_TEST_RUN";  // the child's run folder
constexpr const char* steps_variable = "SCORESDE_TEST_STEPS";
constexpr const char* threads_variable = "SCORESDE_TEST_THREADS";  // 1 where it is not set; 2 pass too, more slowly
constexpr const char* kills_variable = "SCORESDE_TEST_KILLS";      // how often to kill; 8 where it is not set

// A U-Net with everything that is random in training: dropout, label dropout, flips, dequantisation.
RunConfig killed_config(int steps) {
  RunConfig config;
  config.data.source = "digits";
  config.data.flip = config.data.dequantise = true;
  config.net.channels = 8;
  config.net.channel_mult = {1, 2};
  config.net.attention = {4};
  config.net.dropout = 0.1;
  config.net.classes = 10;
  config.batch = 8;
  config.budget.images = 8LL * steps;
  config.validation.items = 16;
  config.checkpoint.every = 8 * 5;
  config.log.every = 8 * 2;
  config.log.samples_every = 0;
  return config;
}

// What the killed process runs: this binary again, because a fork of a process with OpenMP threads may not train.
TEST(ResumeChild, DISABLED_Train) {
  const char* folder = std::getenv(folder_variable);
  ASSERT_NE(folder, nullptr);
  const char* wanted_threads = std::getenv(threads_variable);
  set_threads(wanted_threads ? std::atoi(wanted_threads) : 1);
  TrainOptions options;
  options.out = folder;
  options.resume = true;
  EXPECT_EQ(train_run(killed_config(std::atoi(std::getenv(steps_variable))), options).outcome, TrainOutcome::done);
}

pid_t start_child(const fs::path& folder, int steps) {
  ::setenv(folder_variable, folder.c_str(), 1);
  ::setenv(steps_variable, std::to_string(steps).c_str(), 1);
  ::setenv("OMP_WAIT_POLICY", "passive", 1);  // two threads that spin would crawl beside other tests
  std::string program = "/proc/self/exe", filter = "--gtest_filter=ResumeChild.DISABLED_Train";
  std::string disabled = "--gtest_also_run_disabled_tests";
  char* arguments[] = {program.data(), filter.data(), disabled.data(), nullptr};
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, program.c_str(), &quiet, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&quiet);
  EXPECT_EQ(error, 0);
  return child;
}

bool ended_well(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::uintmax_t log_size(const fs::path& folder) {
  std::error_code error;
  const auto size = fs::file_size(folder / "log.txt", error);
  return error ? 0 : size;
}

// Waits until the child has begun to train or has ended, then `delay` longer.
void let_it_work(pid_t child, const fs::path& folder, std::uintmax_t log_before, std::chrono::microseconds delay) {
  siginfo_t info{};
  while (log_size(folder) == log_before && info.si_pid == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
  }
  std::this_thread::sleep_for(delay);
}

TEST(Resume, KilledAtAnyMomentEndsWithTheSameBits) {
  const char* wanted = std::getenv(kills_variable);
  const int kills = wanted ? std::atoi(wanted) : 8;
  const int steps = 30 + 10 * kills;
  const fs::path folder = fs::path(testing::TempDir()) / fmt::format("scoresde_resume_{}", getpid());
  fs::remove_all(folder);
  fs::create_directories(folder);
  ASSERT_TRUE(ended_well(start_child(folder / "whole", steps)));

  int killed = 0;
  for (int k = 0; k < kills; ++k) {
    const std::uintmax_t log_before = log_size(folder / "killed");
    const pid_t child = start_child(folder / "killed", steps);
    const double delay =
        200000 * uniform({.seed = 1, .purpose = Purpose::test, .sample = static_cast<std::uint64_t>(k)});
    let_it_work(child, folder / "killed", log_before, std::chrono::microseconds(static_cast<int>(delay)));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    killed += WIFSIGNALED(status);
  }
  EXPECT_GE(killed, 1);
  ASSERT_TRUE(ended_well(start_child(folder / "killed", steps)));
  for (const char* file : {"model.safetensors", "state.safetensors"}) {
    const fs::path path = fs::path("checkpoints") / "latest" / file;
    EXPECT_TRUE(read_bytes(folder / "whole" / path) == read_bytes(folder / "killed" / path))
        << file << " differs after " << killed << " kills";
  }
  std::printf("%d kills, %d steps\n", killed, steps);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace scoresde
