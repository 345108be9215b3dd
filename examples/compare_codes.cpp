// How far two models agree about the latent codes of the same items. With the probability flow, data and forward SDE
// fix every item's code, so two networks that learnt the same score give the same codes (Song et al. 2021,
// section 4.3):
//
//   scoresde encode RUN_A DATA --out a.npy
//   scoresde encode RUN_B DATA --out b.npy
//   compare_codes a.npy b.npy

#include <fmt/format.h>

#include <cmath>
#include <cstdio>

#include "core/error.h"
#include "data/npy.h"
#include "report/table.h"

using namespace scoresde;

namespace {

double correlation(const Eigen::ArrayXd& a, const Eigen::ArrayXd& b) {
  const Eigen::ArrayXd x = a - a.mean(), y = b - b.mean();
  return (x * y).sum() / std::sqrt(x.square().sum() * y.square().sum());
}

// Correlation over all items and the root mean square difference, in standard deviations of a, of column k.
std::vector<std::string> agreement(const std::string& name, const Eigen::ArrayXd& a, const Eigen::ArrayXd& b) {
  const double deviation = std::sqrt((a - a.mean()).square().mean());
  return {name, fmt::format("{:.4f}", correlation(a, b)),
          fmt::format("{:.4f}", std::sqrt((a - b).square().mean()) / deviation)};
}

void compare_codes(const char* first, const char* second) {
  const Batch a = to_batch(read_npy(first), first), b = to_batch(read_npy(second), second);
  if (a.rows() != b.rows() || a.cols() != b.cols() || a.rows() < 2)
    fail(Failure::data, "{} and {} do not hold codes of the same items", first, second);
  Table table{{"column", "correlation", "rms difference / deviation"}, {}};
  for (Index k = 0; k < std::min<Index>(a.cols(), 8); ++k) {
    table.rows.push_back(agreement(fmt::format("{}, same items", k), a.col(k), b.col(k)));
    Eigen::ArrayXd others(b.rows());
    others << b.col(k).tail(b.rows() - 1), b(0, k);
    table.rows.push_back(agreement(fmt::format("{}, other items", k), a.col(k), others));
  }
  fmt::print("{}", text_table(table));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) fail(Failure::usage, "compare_codes A.npy B.npy");
  compare_codes(argv[1], argv[2]);
  return 0;
} catch (const Error& error) {
  fmt::print(stderr, "compare_codes: {}\n", error.what());
  return 1;
}
