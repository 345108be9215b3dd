#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <thread>

#include "core/noise.h"
#include "nn/threads.h"
#include "train/checkpoint_digest.h"
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

// Waits until the child has begun to train or has ended.
void await_training(pid_t child, const fs::path& folder, std::uintmax_t log_before) {
  siginfo_t info{};
  while (log_size(folder) == log_before && info.si_pid == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
  }
}

// Kills in turn while the child trains and from the start of its process on, so that start-up, restoring, the repair of
// `best` and the cutting of the journal are hit too. Children that are killed have no end; the last one and the run
// that is compared with stop where the kills have led to.
TEST(Resume, KilledAtAnyMomentEndsWithTheSameBits) {
  const char* wanted = std::getenv(kills_variable);
  const int kills = wanted ? std::atoi(wanted) : 8;
  const fs::path folder = fs::path(testing::TempDir()) / fmt::format("scoresde_resume_{}", getpid());
  const fs::path victim = folder / "killed";
  fs::remove_all(folder);
  fs::create_directories(folder);

  int killed = 0, before_training = 0;
  auto start_up = std::chrono::microseconds(0);  // of the last child that came to train
  for (int k = 0; k < kills; ++k) {
    const std::uintmax_t log_before = log_size(victim);
    const auto start = std::chrono::steady_clock::now();
    const double share = uniform({.seed = 1, .purpose = Purpose::test, .sample = static_cast<std::uint64_t>(k)});
    const pid_t child = start_child(victim, 1000000);
    if (k % 2 == 0) {
      await_training(child, victim, log_before);
      start_up = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
      std::this_thread::sleep_for(std::chrono::microseconds(static_cast<int>(200000 * share)));
    } else {  // more often late, where files are read and written
      std::this_thread::sleep_for(start_up * (1.1 * std::sqrt(share)));
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    killed += WIFSIGNALED(status);
    before_training += log_size(victim) == log_before;
  }
  EXPECT_EQ(killed, kills);
  const auto reached = CheckpointStore(victim / "checkpoints").load();
  ASSERT_TRUE(reached.has_value()) << "no kill came after a checkpoint";
  const int steps = static_cast<int>(reached->step) + 10;
  ASSERT_TRUE(ended_well(start_child(victim, steps)));
  ASSERT_TRUE(ended_well(start_child(folder / "whole", steps)));
  EXPECT_EQ(checkpoint_digest(folder / "whole", {"seconds"}), checkpoint_digest(victim, {"seconds"}))
      << "after " << killed << " kills";
  std::printf("%d kills, %d of them before training; %d steps\n", killed, before_training, steps);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace scoresde
