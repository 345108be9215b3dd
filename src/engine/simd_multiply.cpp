#include <hwy/cache_control.h>

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

struct Product {
  const float* a;
  Size block_stride, blocks;
  const float* packed;
  Size columns;
  const Finish& finish;
  Map y;
  bool onto;
};

// Panels follow each other in memory, and few rows use each of them: 4 KB ahead hides the way from the third-level
// cache.
constexpr Size prefetched = 1024;

// `Plain`: nothing is added to the sums, and all columns fill vectors.
template <int Rows, int Vectors, bool Plain>
void product(const Product& p, Size first_row, Size first_column) {
  const F d;
  V sum[Rows][Vectors];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      const Size column = first_column + v * lanes, n = Plain ? lanes : p.columns - column;
      sum[r][v] = p.onto && n > 0 ? load_some(p.y.data + (first_row + r) * p.y.stride + column, n) : hn::Zero(d);
    }
  const float* b[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    const Size column = first_column + v * lanes;
    b[v] = p.packed + column / panel * panel * p.blocks * block + column % panel;
  }
  const float* a_block = p.a + first_row * block;
  for (Size k = 0; k < p.blocks; ++k, a_block += p.block_stride) {
    const float* a = a_block;
    for (Size j = 0; j < block; ++j, ++a) {
      V column[Vectors];
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) {
        column[v] = hn::LoadU(d, b[v]);
        b[v] += panel;
      }
      hwy::Prefetch(b[0] + prefetched);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        const V x = hn::Set(d, a[r * block]);
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) sum[r][v] = hn::MulAdd(x, column[v], sum[r][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      const Size column = first_column + v * lanes;
      if constexpr (Plain)
        hn::StoreU(sum[r][v], d, p.y.data + (first_row + r) * p.y.stride + column);
      else if (column < p.columns)
        finish_and_store(sum[r][v], p.finish, p.y, first_row + r, column, p.columns - column);
    }
}

using ProductFunction = void (*)(const Product&, Size, Size);

template <int Vectors, bool Plain, int... Rows>
constexpr auto product_table(std::integer_sequence<int, Rows...>) {
  return std::array<ProductFunction, sizeof...(Rows)>{&product<Rows + 1, Vectors, Plain>...};
}

// All rows by one strip of columns, in row blocks as equal as they can be.
template <int Vectors, bool Plain>
void strip(const Product& p, Size rows, Size column) {
  static constexpr auto table = product_table<Vectors, Plain>(std::make_integer_sequence<int, most_rows>());
  const Size blocks = (rows + most_rows - 1) / most_rows;
  for (Size i = 0, done = 0; i < blocks; ++i) {
    const Size count = (rows - done + (blocks - i) - 1) / (blocks - i);
    table[static_cast<std::size_t>(count - 1)](p, done, column);
    done += count;
  }
}

void multiply(const float* a, Size block_stride, Size blocks, Size rows, const float* packed, Size columns,
              const Finish& finish, Map y, bool onto) {
  const Product p{a, block_stride, blocks, packed, columns, finish, y, onto};
  const bool plain = columns % (2 * lanes) == 0 && finish.nothing();
  Size column = 0;
  for (; column + lanes < columns; column += 2 * lanes)
    plain ? strip<2, true>(p, rows, column) : strip<2, false>(p, rows, column);
  if (column < columns) strip<1, false>(p, rows, column);
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

HWY_EXPORT(multiply);
HWY_EXPORT(pack_rows);
HWY_EXPORT(target);

Size packed_size(Size inner, Size columns) { return round_up(inner, block) * round_up(columns, panel); }

void pack_matrix(const float* b, Size inner_stride, Size column_stride, Size inner, Size columns, float* packed) {
  for (Size n = 0; n < round_up(columns, panel); n += panel)
    for (Size k = 0; k < round_up(inner, block); ++k)
      for (Size j = 0; j < panel; ++j)
        *packed++ = k < inner && n + j < columns ? b[k * inner_stride + (n + j) * column_stride] : 0;
}

void pack_rows(const float* const* rows, Size count, Size inner, float* packed) {
  HWY_DYNAMIC_DISPATCH(pack_rows)(rows, count, inner, packed);
}

void multiply(const float* a, Size block_stride, Size blocks, Size rows, const float* packed, Size columns,
              const Finish& finish, Map y, bool onto) {
  HWY_DYNAMIC_DISPATCH(multiply)(a, block_stride, blocks, rows, packed, columns, finish, y, onto);
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
