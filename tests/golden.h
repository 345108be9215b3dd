#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/batch.h"
#include "core/config.h"
#include "core/file.h"
#include "test_paths.h"

namespace scoresde::test {

/// A file of tests/golden: values of the reference implementation.
inline Json golden_json(const std::string& name) {
  return Json::parse(read_text(std::string(SCORESDE_SOURCE_DIR) + "/tests/golden/" + name));
}

inline void append_numbers(const Json& json, std::vector<double>& out) {
  if (!json.is_array()) return out.push_back(json.get<double>());
  for (const Json& part : json) append_numbers(part, out);
}

/// An array of shape [rows, ...] as a batch: a row a sample.
inline Batch golden_batch(const Json& json) {
  std::vector<double> numbers;
  append_numbers(json, numbers);
  const auto rows = static_cast<Index>(json.size());
  return Eigen::Map<const Batch>(numbers.data(), rows, static_cast<Index>(numbers.size()) / rows);
}

/// Within 1e-9 of the largest element: where terms nearly cancel, single elements are rounding errors of the reference.
inline void expect_close(const Batch& ours, const Json& golden, const std::string& what) {
  const Batch theirs = golden_batch(golden);
  ASSERT_EQ(ours.rows(), theirs.rows()) << what;
  ASSERT_EQ(ours.cols(), theirs.cols()) << what;
  Index row = 0, column = 0;
  const double worst = (ours - theirs).abs().maxCoeff(&row, &column);
  EXPECT_LE(worst, 1e-9 * theirs.abs().maxCoeff()) << what << ": element " << row << "," << column << " is "
                                                   << ours(row, column) << ", reference " << theirs(row, column);
}

inline void expect_close(double ours, double golden, const std::string& what) {
  EXPECT_NEAR(ours, golden, 1e-9 * std::abs(golden)) << what;
}

}  // namespace scoresde::test
