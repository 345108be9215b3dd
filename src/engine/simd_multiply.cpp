#include <hwy/cache_control.h>

#include <algorithm>
#include <array>
#include <utility>

#include "engine/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd_multiply.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/simd_inline.h"

HWY_BEFORE_NAMESPACE();
namespace scoresde::simd::HWY_NAMESPACE {

// Registers: 2 vectors of columns for as many rows as leave room for two loads and a broadcast.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int most_rows = 14;
#else
constexpr int most_rows = 6;
#endif

// Some rows by one or two vectors of columns, told where everything is: with 32 inputs a fifth of the instructions went
// to finding out (1.06 to 1.10 of the time there).
struct Product {
  const float* a;  // first row
  Size row_stride, block_stride, ahead, blocks;
  const float *b, *more_b;  // first and second vector of columns
  float* y;                 // first row and column
  Size y_stride;
  bool onto;
  // Where not plain:
  const Finish& finish;
  Map all_y;
  Size row, column, columns;
};

// Panels follow each other in memory, and few rows use each of them: 4 KB ahead hides the way from the third-level
// cache.
constexpr Size prefetched = 1024;

// Steps of k in one round of the loop: two save a sixth of its instructions (1.05 of the time); with four or eight g++
// 12 spills sums.
constexpr int unrolled = 2;

// `Plain`: nothing is added to the sums, all columns fill vectors, and the rows are packed: a stride that the compiler
// knows is worth 3 % to Winograd's products.
template <int Rows, int Vectors, bool Plain>
void product(const Product& p) {
  const F d;
  const Size left = Plain ? Vectors * lanes : p.columns - p.column;
  V sum[Rows][Vectors];
  if (p.onto) {
    const float* y = p.y;
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r, y += p.y_stride)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v)
        sum[r][v] = Plain || left > v * lanes ? load_some(y + v * lanes, left - v * lanes) : hn::Zero(d);
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::Zero(d);
  }
  const float* b[2] = {p.b, p.more_b};
  const float* a[Rows];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) a[r] = p.a + r * (Plain ? block : p.row_stride);
  for (Size k = 0; k < p.blocks; ++k) {
    if constexpr (Plain)
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) hwy::Prefetch(a[r] + p.ahead);
    for (Size j = 0; j < block; j += unrolled) {
#pragma GCC unroll 16
      for (int i = 0; i < unrolled; ++i) {
        V column[Vectors];
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) column[v] = hn::LoadU(d, b[v] + i * panel);
        hwy::Prefetch(b[0] + i * panel + prefetched);
#pragma GCC unroll 16
        for (int r = 0; r < Rows; ++r) {
          const V x = hn::Set(d, Plain ? (a[0] + j + r * block)[i] : (a[r] + j)[i]);
#pragma GCC unroll 2
          for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(x, column[v], sum[r][v]);
        }
      }
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) b[v] += unrolled * panel;
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) a[r] += p.block_stride;
  }
  float* y = p.y;
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r, y += p.y_stride)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      if constexpr (Plain)
        hn::StoreU(sum[r][v], d, y + v * lanes);
      else if (left > v * lanes)
        finish_and_store(sum[r][v], p.finish, p.all_y, p.row + r, p.column + v * lanes, left - v * lanes);
    }
}

using ProductFunction = void (*)(const Product&);

template <int Vectors, bool Plain, int... Rows>
constexpr auto product_table(std::integer_sequence<int, Rows...>) {
  return std::array<ProductFunction, sizeof...(Rows)>{&product<Rows + 1, Vectors, Plain>...};
}

// All rows by one strip of columns, in row blocks as equal as they can be.
template <int Vectors, bool Plain>
void strip(Product p, Size rows) {
  static constexpr auto table = product_table<Vectors, Plain>(std::make_integer_sequence<int, most_rows>());
  Size left = (rows + most_rows - 1) / most_rows;
  for (; left > 0; --left) {
    const Size count = (rows - p.row + left - 1) / left;
    table[static_cast<std::size_t>(count - 1)](p);
    p.row += count;
    p.a += count * p.row_stride;
    p.y += count * p.y_stride;
  }
}

void multiply(ConstBlocks a, Size blocks, Size rows, const float* packed, Size columns, const Finish& finish, Map y,
              bool onto) {
  const auto place = [&](Size column) { return packed + column / panel * panel * blocks * block + column % panel; };
  const auto of = [&](Size column) {
    return Product{a.data,
                   a.row_stride,
                   a.block_stride,
                   a.ahead,
                   blocks,
                   place(column),
                   place(column + lanes),
                   y.data + column,
                   y.stride,
                   onto,
                   finish,
                   y,
                   0,
                   column,
                   columns};
  };
  const bool plain = columns % (2 * lanes) == 0 && finish.nothing() && a.row_stride == block;
  Size column = 0;
  for (; column + lanes < columns; column += 2 * lanes)
    plain ? strip<2, true>(of(column), rows) : strip<2, false>(of(column), rows);
  if (column < columns) strip<1, false>(of(column), rows);
}

// All columns of one row: a value of a is loaded once for them.
template <int Columns>
void dot_row(const float* const* parts, Size count, Size inner, const float* w, float* out) {
  const F d;
  constexpr int Vectors = block / lanes;
  V sum[Columns][Vectors];
  for (auto& column : sum)
    for (V& v : column) v = hn::Zero(d);
  for (Size part = 0; part < count; ++part, w += Columns * inner) {
    if (!parts[part]) continue;
    for (Size k = 0; k < inner; k += block)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        const V x = hn::LoadU(d, parts[part] + k + v * lanes);
#pragma GCC unroll 4
        for (int n = 0; n < Columns; ++n)
          sum[n][v] = hn::MulAdd(x, hn::LoadU(d, w + n * inner + k + v * lanes), sum[n][v]);
      }
  }
  for (int n = 0; n < Columns; ++n) {
    HWY_ALIGN float terms[block];
    for (int v = 0; v < Vectors; ++v) hn::Store(sum[n][v], d, terms + v * lanes);
    for (Size half = block / 2; half > 0; half /= 2)
      for (Size i = 0; i < half; ++i) terms[i] += terms[i + half];
    out[n] = terms[0];
  }
}

void dot_rows(const float* const* parts, Size parts_a_row, Size rows, Size inner, const float* w, Size columns,
              const Finish& finish, Map y) {
  constexpr decltype(&dot_row<1>) by_columns[] = {dot_row<1>, dot_row<2>, dot_row<3>, dot_row<4>};
  HWY_ALIGN float sums[block] = {};
  for (Size r = 0; r < rows; ++r, parts += parts_a_row) {
    by_columns[columns - 1](parts, parts_a_row, inner, w, sums);
    for (Size n = 0; n < columns; n += lanes) finish_and_store(hn::Load(F(), sums + n), finish, y, r, n, columns - n);
  }
}

void pack_rows(const float* const* rows, Size count, Size inner, float* packed) {
  const F d;
  for (Size k = 0; k < inner; k += block)
    for (Size r = 0; r < count; ++r, packed += block)
      for (Size j = 0; j < block; j += lanes) {
        const Size n = inner - k - j;
        const bool zero = rows[r] == nullptr || n <= 0;
        hn::StoreU(zero ? hn::Zero(d) : load_some(rows[r] + k + j, n), d, packed + j);
      }
}

const char* target() { return hwy::TargetName(HWY_TARGET); }

}  // namespace scoresde::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace scoresde::simd {

HWY_EXPORT(dot_rows);
HWY_EXPORT(multiply);
HWY_EXPORT(pack_rows);
HWY_EXPORT(target);

Size packed_size(Size inner, Size columns) { return round_up(inner, block) * round_up(columns, panel); }

void pack_matrix(const float* b, Size inner_stride, Size column_stride, Size inner, Size columns, float* packed) {
  const Size panel_size = round_up(inner, block) * panel;
  for (Size n = 0; n < columns; n += panel, packed += panel_size, b += panel * column_stride) {
    const Size here = std::min(panel, columns - n);
    if (here < panel || inner % block != 0) std::fill_n(packed, panel_size, 0.0f);
    if (column_stride == 1 && here == panel)  // lines of memory as they are
      for (Size k = 0; k < inner; ++k) std::copy_n(b + k * inner_stride, panel, packed + k * panel);
    else
      for (Size j = 0; j < here; ++j)
        for (Size k = 0; k < inner; ++k) packed[k * panel + j] = b[k * inner_stride + j * column_stride];
  }
}

void pack_rows(const float* const* rows, Size count, Size inner, float* packed) {
  HWY_DYNAMIC_DISPATCH(pack_rows)(rows, count, inner, packed);
}

void multiply(ConstBlocks a, Size blocks, Size rows, const float* packed, Size columns, const Finish& finish, Map y,
              bool onto) {
  HWY_DYNAMIC_DISPATCH(multiply)(a, blocks, rows, packed, columns, finish, y, onto);
}

void dot_rows(const float* const* parts, Size parts_a_row, Size rows, Size inner, const float* w, Size columns,
              const Finish& finish, Map y) {
  HWY_DYNAMIC_DISPATCH(dot_rows)(parts, parts_a_row, rows, inner, w, columns, finish, y);
}

bool use_narrower_vectors() {
  const std::int64_t now = hwy::SupportedTargets() & HWY_TARGETS, narrower = now & (now - 1);  // widest: lowest bit
  // The last of them is the fallback without fused multiply-add, which has other bits.
  const bool any = (narrower & (narrower - 1)) != 0;
  hwy::SetSupportedTargetsForTest(any ? narrower : 0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return any;
}

const char* target_name() { return HWY_DYNAMIC_DISPATCH(target)(); }

}  // namespace scoresde::simd
#endif
