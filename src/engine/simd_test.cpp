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
        multiply(ConstBlocks::packed(packed_a.data(), rows), padded / block, rows, packed_b.data(), columns,
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
    multiply(ConstBlocks::packed(packed.data(), count), inner / block, count, packed_b.data(), columns, {},
             {y.data(), columns});
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

TEST(Simd, DotRowsIsTheSameProductForFewColumns) {
  const Size inner = 48, parts = 5, rows = 7;
  const AlignedFloats a = normals(rows * parts * inner, 1), residual = normals(rows * most_dot_columns, 2);
  std::vector<const float*> pointers;
  for (Size i = 0; i < rows * parts; ++i) pointers.push_back(i % 4 == 1 ? nullptr : a.data() + i * inner);
  for (Size columns = 1; columns <= most_dot_columns; ++columns) {
    const AlignedFloats w = normals(parts * columns * inner, 3), bias = normals(columns, 4);
    AlignedFloats y(rows * (columns + 1));
    for (Size i = 0; i < rows * (columns + 1); ++i) y.data()[i] = 77;
    dot_rows(pointers.data(), parts, rows, inner, w.data(), columns,
             {bias.data(), nullptr, {residual.data(), columns}, 0.5f}, {y.data(), columns + 1});
    for (Size r = 0; r < rows; ++r) {
      EXPECT_EQ(y.data()[r * (columns + 1) + columns], 77) << "wrote beyond its columns";
      for (Size n = 0; n < columns; ++n) {
        double wanted = double{bias.data()[n]} + double{residual.data()[r * columns + n]}, size = 1;
        for (Size p = 0; p < parts; ++p)
          for (Size k = 0; k < inner && pointers[static_cast<std::size_t>(r * parts + p)]; ++k) {
            const double term =
                double{a.data()[(r * parts + p) * inner + k]} * double{w.data()[(p * columns + n) * inner + k]};
            wanted += term;
            size += std::abs(term);
          }
        EXPECT_NEAR(y.data()[r * (columns + 1) + n], wanted * 0.5, 4e-7 * size) << columns << " at " << r << ", " << n;
      }
    }
  }
}

TEST(Simd, SiluIsAccurateToAFewRoundings) {
  std::vector<float> x;
  for (double v = -90; v < 90; v += 0.0137) x.push_back(static_cast<float>(v));
  std::vector<float> y(x.size());
  const auto size = static_cast<Size>(x.size());
  activate(Activation::silu, 0, {x.data(), size}, 1, size, {y.data(), size});
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

// A convolution by Winograd's method, normalised, the softmax of its rows, and their products with three others:
// everything that sums or rounds.
std::vector<float> some_of_everything() {
  const Size height = 9, width = 10, in = 20, out = 36, rows = height * width;
  const Picture picture{height, width};
  const AlignedFloats x = normals(rows * in, 1), w = normals(in * out * 9, 2), bias = normals(out, 3);
  const Size tiles = picture.tiles(), padded_in = round_up(in, block);
  const Size u_stride = winograd_stride(padded_in * winograd_columns), v_stride = winograd_stride(tiles * padded_in),
             m_stride = winograd_stride(tiles * winograd_columns);
  AlignedFloats packed(winograd_packed_size(in, out)), u(winograd_points * u_stride), v(winograd_points * v_stride),
      m(winograd_points * m_stride), y(rows * out), scale(out), shift(out);
  pack_winograd(w.data(), in * 9, 9, false, in, out, packed.data());
  winograd_input(picture, {x.data(), in}, in, 0, tiles, v.data(), v_stride);
  for (Size strip = 0, n = 0; n < out; ++strip, n += winograd_columns) {
    for (Size pair = 0; pair < 3; ++pair)
      winograd_weights(packed.data(), in, strip, 0, padded_in, pair, u.data() + pair * 12 * u_stride, u_stride);
    for (Size i = 0; i < winograd_points; ++i) {
      const Size p = winograd_row(i / 12, i / 6 % 2) * 6 + i % 6;
      const auto [begin, end] = picture.tiles_with(p, {0, tiles});
      multiply({v.data() + p * v_stride + begin * block, block, tiles * block}, padded_in / block, end - begin,
               u.data() + i * u_stride, winograd_columns, {},
               {m.data() + p * m_stride + begin * winograd_columns, winograd_columns});
    }
    winograd_output(picture, m.data(), m_stride, std::min(winograd_columns, out - n), 0, tiles,
                    {.bias = bias.data() + n}, {y.data() + n, out});
  }
  norm_statistics({y.data(), out}, rows, 0, out, 4, bias.data(), bias.data(), 1e-6f, scale.data(), shift.data());
  scale_shift({y.data(), out}, rows, out, scale.data(), shift.data(), true, {y.data(), out});
  softmax(y.data(), rows / 2, out, out, 0.3f);
  std::vector<float> all(y.data(), y.data() + rows * out);
  std::vector<const float*> parts;
  for (Size r = 0; r < rows; ++r) parts.push_back(y.data() + r * out);
  AlignedFloats dots(rows * 3);
  dot_rows(parts.data(), 1, rows, out / block * block, w.data(), 3, {}, {dots.data(), 3});
  all.insert(all.end(), dots.data(), dots.data() + rows * 3);
  return all;
}

TEST(Simd, AnyVectorWidthGivesTheSameBits) {
  const std::vector<float> widest = some_of_everything();
  const std::string name = target_name();
  while (use_narrower_vectors()) {
    EXPECT_NE(target_name(), name);
    EXPECT_EQ(some_of_everything(), widest) << name << " and " << target_name();
  }
  EXPECT_EQ(target_name(), name);
}

}  // namespace
}  // namespace scoresde::simd
