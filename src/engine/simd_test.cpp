#include "engine/simd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/noise.h"
#include "engine/kernel.h"

namespace scoresde::simd {
namespace {

AlignedFloats normals(Size count, std::uint64_t stream) {
  AlignedFloats values(count);
  fill_normal({.seed = 1, .purpose = Purpose::test, .sample = stream},
              {values.data(), static_cast<std::size_t>(count)});
  return values;
}

// Any number of rows and columns, so that every row block and every edge of a vector is met.
TEST(Simd, MultiplyIsTheMatrixProduct) {
  int compared = 0;
  for (const Size inner : {1, 16, 37})
    for (Size rows = 1; rows <= 31; rows += 3)
      for (const Size columns : {1, 3, 15, 16, 17, 31, 32, 33, 49, 64}) {
        const AlignedFloats a = normals(rows * inner, 1), b = normals(inner * columns, 2), bias = normals(columns, 3),
                            more = normals(columns, 4), residual = normals(rows * columns, 5);
        std::vector<const float*> row_pointers;
        for (Size r = 0; r < rows; ++r) row_pointers.push_back(r == 2 ? nullptr : a.data() + r * inner);
        const Size padded = round_up(inner, block);
        AlignedFloats packed_a(rows * padded), packed_b(packed_size(inner, columns)), y(rows * (columns + 1));
        pack_rows(row_pointers.data(), rows, inner, packed_a.data());
        pack_matrix(b.data(), columns, 1, inner, columns, packed_b.data());
        y.data()[columns] = 77;
        multiply(packed_a.data(), rows * block, padded / block, rows, packed_b.data(), columns,
                 {bias.data(), more.data(), {residual.data(), columns}, 0.5f}, {y.data(), columns + 1});
        EXPECT_EQ(y.data()[columns], 77) << "wrote beyond its columns";
        for (Size r = 0; r < rows; ++r)
          for (Size n = 0; n < columns; ++n, ++compared) {
            double wanted = 0, size = 1;
            for (Size k = 0; k < inner && row_pointers[static_cast<std::size_t>(r)]; ++k) {
              const double term = double{a.data()[r * inner + k]} * double{b.data()[k * columns + n]};
              wanted += term;
              size += std::abs(term);
            }
            wanted =
                (wanted + double{bias.data()[n]} + double{more.data()[n]} + double{residual.data()[r * columns + n]}) *
                0.5;
            ASSERT_NEAR(y.data()[r * (columns + 1) + n], wanted, 4e-7 * size * 4)
                << inner << " x " << rows << " x " << columns << " at " << r << ", " << n;
          }
      }
  EXPECT_GT(compared, 10000);
}

TEST(Simd, ARowOfAProductDoesNotKnowTheOthers) {
  const Size inner = 48, columns = 40, rows = 29;
  const AlignedFloats a = normals(rows * inner, 1), b = normals(inner * columns, 2);
  AlignedFloats packed_b(packed_size(inner, columns));
  pack_matrix(b.data(), columns, 1, inner, columns, packed_b.data());
  const auto product = [&](Size first, Size count) {
    std::vector<const float*> pointers;
    for (Size r = 0; r < count; ++r) pointers.push_back(a.data() + (first + r) * inner);
    AlignedFloats packed(count * inner), y(count * columns);
    pack_rows(pointers.data(), count, inner, packed.data());
    multiply(packed.data(), count * block, inner / block, count, packed_b.data(), columns, {}, {y.data(), columns});
    return y;
  };
  const AlignedFloats whole = product(0, rows);
  for (Size first = 0; first < rows; ++first)
    for (const Size count : {Size{1}, std::min<Size>(5, rows - first)}) {
      const AlignedFloats part = product(first, count);
      for (Size i = 0; i < count * columns; ++i)
        ASSERT_EQ(part.data()[i], whole.data()[first * columns + i]) << first << ", " << count;
    }
}

TEST(Simd, SiluIsAccurateToAFewRoundings) {
  std::vector<float> x;
  for (double v = -90; v < 90; v += 0.0137) x.push_back(static_cast<float>(v));
  std::vector<float> y(x.size());
  const auto size = static_cast<Size>(x.size());
  silu({x.data(), size}, 1, size, {y.data(), size});
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double wanted = double{x[i]} / (1 + std::exp(-double{x[i]}));
    if (std::abs(wanted) > 1e-30) {
      EXPECT_NEAR(y[i] / wanted, 1, 6e-7) << x[i];
    }
  }
}

TEST(Simd, SoftmaxSumsToOneAndIsAccurate) {
  for (const Size columns : {1, 7, 16, 49, 64}) {
    AlignedFloats x = normals(3 * columns, 8);
    const AlignedFloats before = normals(3 * columns, 8);
    softmax(x.data(), 3, columns, columns, 0.7f);
    for (Size r = 0; r < 3; ++r) {
      double total = 0;
      for (Size c = 0; c < columns; ++c) total += std::exp(0.7 * double{before.data()[r * columns + c]});
      for (Size c = 0; c < columns; ++c)
        EXPECT_NEAR(x.data()[r * columns + c], std::exp(0.7 * double{before.data()[r * columns + c]}) / total, 3e-7)
            << columns;
    }
  }
}

}  // namespace
}  // namespace scoresde::simd
