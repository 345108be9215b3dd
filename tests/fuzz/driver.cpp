// Mutates the files of a corpus for some seconds, gives each result to the target, and keeps what reaches new branches
// of the code: what libFuzzer does, for GCC (-fsanitize-coverage=trace-pc). What is found ends the process with the
// input in finding.bin; the same seed finds it again.
//   fuzz_checkpoint CORPUS... [--seconds S] [--seed N]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/philox.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace scoresde;
using Bytes = std::vector<std::uint8_t>;

// Branches that were taken, as pairs of places in the code; places are relative, so that the loader's choice of an
// address changes nothing. Plain arrays: a function called by the hook would be instrumented and call the hook.
struct Coverage {
  std::uint8_t seen[1 << 18] = {};
  std::uintptr_t last = 0;
  std::size_t branches = 0;
  bool active = false, fresh = false;
};
Coverage coverage;

class Dice {
 public:
  Dice(std::uint32_t seed, std::uint64_t run) : seed_(seed), run_(run) {}

  std::uint32_t roll(std::uint64_t sides) {
    const auto bits =
        philox({static_cast<std::uint32_t>(run_), static_cast<std::uint32_t>(run_ >> 32), draw_++, 0}, {seed_, 0});
    return static_cast<std::uint32_t>(bits[0] % std::max<std::uint64_t>(1, sides));
  }

 private:
  std::uint32_t seed_, draw_ = 0;
  std::uint64_t run_;
};

constexpr std::uint64_t interesting[] = {0,
                                         1,
                                         2,
                                         7,
                                         8,
                                         127,
                                         128,
                                         255,
                                         256,
                                         32767,
                                         65535,
                                         65536,
                                         0x7fffffff,
                                         0x80000000,
                                         0xffffffff,
                                         0x7fffffffffffffff,
                                         0x8000000000000000,
                                         0xffffffffffffffff};

Bytes slice(const Bytes& bytes, Dice& dice) {
  const std::size_t first = dice.roll(bytes.size()), longest = std::min<std::size_t>(64, bytes.size() - first);
  const std::size_t size = dice.roll(longest + 1);
  return {bytes.begin() + static_cast<std::ptrdiff_t>(first),
          bytes.begin() + static_cast<std::ptrdiff_t>(first + size)};
}

void mutate(Bytes& bytes, const Bytes& other, Dice& dice) {
  if (bytes.empty()) bytes.push_back(0);
  const std::size_t at = dice.roll(bytes.size());
  const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  switch (dice.roll(8)) {
    case 0:
      *place ^= static_cast<std::uint8_t>(1u << dice.roll(8));
      return;
    case 1:
      *place = static_cast<std::uint8_t>(dice.roll(256));
      return;
    case 2: {
      const std::uint64_t value = interesting[dice.roll(std::size(interesting))];
      const std::size_t width = std::min<std::size_t>(std::size_t{1} << dice.roll(4), bytes.size() - at);
      std::memcpy(&*place, &value, width);
      return;
    }
    case 3: {
      const std::size_t size = std::min<std::size_t>(1 + dice.roll(16), bytes.size() - at);
      bytes.erase(place, place + static_cast<std::ptrdiff_t>(size));
      return;
    }
    case 4: {
      const Bytes piece = slice(bytes, dice);
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), piece.begin(), piece.end());
      return;
    }
    case 5: {
      const Bytes piece = other.empty() ? Bytes() : slice(other, dice);
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), piece.begin(), piece.end());
      return;
    }
    case 6: {
      const Bytes piece = slice(bytes, dice);
      std::copy_n(piece.begin(), std::min(piece.size(), bytes.size() - at), place);
      return;
    }
    default:
      bytes.resize(at);
  }
}

// True where the input took a branch that no other one has.
bool run_target(const Bytes& input) {
  coverage.last = 0;
  coverage.fresh = false;
  coverage.active = true;
  LLVMFuzzerTestOneInput(input.data(), input.size());
  coverage.active = false;
  return coverage.fresh;
}

// Kept where a sanitizer or an abort ends the process.
void keep(const Bytes& input, const char* name) {
  std::ofstream(name, std::ios::binary)
      .write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
}

}  // namespace

extern "C" __attribute__((no_sanitize_coverage, no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc() {
  if (!coverage.active) return;
  const std::uintptr_t here = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)) -
                              reinterpret_cast<std::uintptr_t>(&LLVMFuzzerTestOneInput);
  std::uint8_t& seen = coverage.seen[(here ^ coverage.last) & 0x3ffff];
  coverage.last = here << 1;
  if (seen) return;
  seen = 1;
  coverage.fresh = true;
  ++coverage.branches;
}

int main(int argc, char** argv) {
  double seconds = 60;
  std::uint32_t seed = 1;
  std::vector<Bytes> corpus;
  for (int k = 1; k < argc; ++k) {
    const std::string word = argv[k];
    if (word == "--seconds" && k + 1 < argc)
      seconds = std::stod(argv[++k]);
    else if (word == "--seed" && k + 1 < argc)
      seed = static_cast<std::uint32_t>(std::stoul(argv[++k]));
    else if (fs::is_directory(word))
      for (const auto& entry : fs::directory_iterator(word)) corpus.push_back(read_bytes(entry.path()));
    else
      corpus.push_back(read_bytes(word));
  }
  std::sort(corpus.begin(), corpus.end());
  if (corpus.empty()) {
    std::fprintf(stderr, "fuzz_checkpoint CORPUS... [--seconds S] [--seed N]\n");
    return 2;
  }
  const std::size_t seeds = corpus.size();
  for (const Bytes& input : corpus) run_target(input);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  std::uint64_t runs = 0;
  double slowest = 0;
  for (; elapsed() < seconds; ++runs) {
    Dice dice(seed, runs);
    Bytes input = corpus[dice.roll(corpus.size())];
    const Bytes& other = corpus[dice.roll(corpus.size())];
    for (std::uint32_t k = 0, n = 1 + dice.roll(6); k < n; ++k) mutate(input, other, dice);
    keep(input, "finding.bin");
    const double before = elapsed();
    if (run_target(input) && input.size() < 20'000) corpus.push_back(input);
    slowest = std::max(slowest, elapsed() - before);
    if (elapsed() - before > 10) {
      std::fprintf(stderr, "run %llu took %.1f s; its input is in finding.bin\n", static_cast<unsigned long long>(runs),
                   elapsed() - before);
      return 1;
    }
  }
  fs::remove("finding.bin");
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "%llu inputs from %zu seeds in %.0f s reached %zu branches (%zu inputs reached new ones), nothing found; "
      "the slowest took %.2f s, at most %ld MB were used\n",
      static_cast<unsigned long long>(runs), seeds, elapsed(), coverage.branches, corpus.size() - seeds, slowest,
      usage.ru_maxrss / 1024);
}
