#pragma once
#include <cstddef>
#include <cstdint>

// The engine's arithmetic on the widest vectors that this CPU has (AVX-512, AVX2, NEON; chosen at run time). Maps are
// rows of channels: row p of a map starts at data + p * stride. Every output is a function of its own inputs alone,
// summed in an order that neither the number of rows nor the vector width changes, and the exponential is our own: a
// result is the same bits at any batch size and on every CPU that has fused multiply-add.
namespace scoresde::simd {

using Size = std::ptrdiff_t;

inline constexpr Size block = 16;  ///< channels are packed in blocks of this many
inline constexpr Size panel = 16;  ///< columns of a packed matrix that lie together

constexpr Size round_up(Size n, Size to) { return (n + to - 1) / to * to; }

/// [first, last) of some things.
struct Range {
  Size first, last;
};

struct ConstMap {
  const float* data;
  Size stride;
};

struct Map {
  float* data;
  Size stride;
};

/// Rows in blocks of 16 channels: element (r, k) at data[k / 16 * block_stride + r * row_stride + k % 16].
struct ConstBlocks {
  const float* data;
  Size row_stride, block_stride;
  Size ahead = 0;  ///< from these rows to those of the next product, which are fetched meanwhile

  /// As pack_rows() leaves `count` rows.
  static ConstBlocks packed(const float* data, Size count) { return {data, block, count * block}; }

  /// The rows of a map as they stand: for a multiple of 16 channels.
  static ConstBlocks of(ConstMap x) { return {x.data, x.stride, block}; }
};

/// What happens to a sum before it is stored: y = (sum + bias + more_bias + residual) * scale.
struct Finish {
  const float* bias = nullptr;       ///< a number a column
  const float* more_bias = nullptr;  ///< another one
  ConstMap residual = {nullptr, 0};  ///< rows as those of y
  float scale = 1;

  bool nothing() const { return !bias && !more_bias && !residual.data && scale == 1; }

  /// The same for a y that starts at column n.
  Finish from_column(Size n) const {
    return {bias ? bias + n : nullptr,
            more_bias ? more_bias + n : nullptr,
            {residual.data ? residual.data + n : nullptr, residual.stride},
            scale};
  }
};

/// Floats of a packed matrix: round_up(inner, block) x round_up(columns, panel).
Size packed_size(Size inner, Size columns);

/// Packs b, with element (k, n) at b[k * inner_stride + n * column_stride], in panels of 16 columns, zeros at the
/// edges: 16 values for each k, then the next panel. (A panel of 256 k fills half of a first-level cache.)
void pack_matrix(const float* b, Size inner_stride, Size column_stride, Size inner, Size columns, float* packed);

/// Copies `rows` rows of `inner` channels into blocks: element (r, k) at packed[(k / 16 * rows + r) * 16 + k % 16]. A
/// null row is all zeros.
void pack_rows(const float* const* rows, Size count, Size inner, float* packed);

/// y[r, n] = finish(sum_k a[r, k] b[k, n]) for r < rows, n < columns, summed over k in order by fused multiply-add.
/// `blocks`: of k. `onto`: the sum goes on from what y holds, so that a long sum in pieces is the same bits.
void multiply(ConstBlocks a, Size blocks, Size rows, const float* packed, Size columns, const Finish& finish, Map y,
              bool onto = false);

inline constexpr Size most_dot_columns = 4;

/// The same for at most 4 columns, which would leave most lanes of multiply() idle: y[r, n] = finish(sum_p sum_k
/// a[r, p, k] w[p, n, k]), added up in 16 partial sums over k, whatever the vectors. a: parts[r * parts_a_row + p] is
/// where the `inner` values (a multiple of 16) of part p of row r are; null: zeros.
void dot_rows(const float* const* parts, Size parts_a_row, Size rows, Size inner, const float* w, Size columns,
              const Finish& finish, Map y);

/// Winograd's F(4x4, 3x3) (Lavin & Gray 2016) with interpolation points 0, +-3/4, +-3/2, infinity: half the error of
/// the usual 0, +-1, +-2 (measured on 128 channels: rms 1.1e-6 against 2.3e-6, where direct summation has 2e-7).
inline constexpr Size winograd_points = 36;
inline constexpr double winograd_near = 0.75, winograd_far = 1.5;

/// From the `floats` values of one point to the next point's: a line further, because 36 streams at a distance of some
/// 4 KB all fall into one set of a first-level cache (a factor 2 to 5 in all three transforms).
constexpr Size winograd_stride(Size floats) { return floats + block; }

inline constexpr Size winograd_columns = 32;  ///< outputs that are transformed together

/// Has memory brought into the second-level cache meanwhile.
void fetch(const float* from, Size floats);

/// Floats of packed 3x3 weights.
Size winograd_packed_size(Size in, Size out);

/// Weights w(n, k) at w + n * out_stride + k * in_stride, 9 numbers each (from last to first where `turned`, as a data
/// gradient needs them), laid out for winograd_weights: strips of 32 outputs, zeros at the edges.
void pack_winograd(const float* w, Size out_stride, Size in_stride, bool turned, Size in, Size out, float* packed);

/// Rows of U = G w G^T come two at a time, as those of points +-x share most of their arithmetic.
constexpr Size winograd_row(Size pair, Size i) { return pair == 0 ? i * 5 : pair * 2 - 1 + i; }

/// Two rows of U, twelve of the 36 points, of strip `strip` of packed weights, input channels [first, first + count),
/// multiples of 16: for point j of row winograd_row(pair, i) a matrix packed_size(count, 32) at
/// transformed + (i * 6 + j) * stride.
void winograd_weights(const float* packed, Size in, Size strip, Size first, Size count, Size pair, float* transformed,
                      Size stride);

/// The pictures that tiles of 4 x 4 outputs are cut from: rows y * width + x of a sample, samples one after another. A
/// last tile of one or two outputs down or across is cut short: it does without the points +-3/2 of that axis, which
/// saves a sixth of the products of 14 x 14 pixels. Tiles with the same points follow each other: first those that are
/// short across, then whole ones, those short down, and those short both ways.
struct Picture {
  Size height, width, samples = 1;
  bool cuts = true;  ///< false: all tiles are whole

  bool cut_down() const { return cuts && (height % 4 == 1 || height % 4 == 2); }
  bool cut_across() const { return cuts && (width % 4 == 1 || width % 4 == 2); }
  Size tiles_down() const { return (height + 3) / 4; }
  Size tiles_across() const { return (width + 3) / 4; }
  Size tiles() const { return tiles_down() * tiles_across() * samples; }

  /// Which of the tiles [first, last) have the point.
  Range tiles_with(Size point, Range tiles) const;
};

/// B^T d B of tiles [first, first + count): value of point p, channel k, tile t at
/// v[p * stride + (k / 16 * count + t) * 16 + k % 16]; nothing where the tile does not have the point.
void winograd_input(const Picture& picture, ConstMap x, Size in, Size first, Size count, float* v, Size stride);

/// A^T m A of tiles, finished and stored; point p, tile t, column n < out at m[p * stride + t * 32 + n].
void winograd_output(const Picture& picture, const float* m, Size stride, Size out, Size first, Size count,
                     const Finish& finish, Map y);

/// Mean and 1 / sqrt(biased variance + epsilon) of the channels [first, last), whole groups of `size` channels each,
/// over `rows` rows, folded with weight and bias: y = x * scale[c] + shift[c].
void norm_statistics(ConstMap x, Size rows, Size first, Size last, Size size, const float* weight, const float* bias,
                     float epsilon, float* scale, float* shift);

/// y = x * scale + shift, then x / (1 + exp(-x)) of it where `silu`.
void scale_shift(ConstMap x, Size rows, Size channels, const float* scale, const float* shift, bool silu, Map y);

enum class Activation { silu, elu, leaky_relu };

/// silu: x / (1 + exp(-x)); elu: exp(x) - 1 below 0; leaky_relu: slope * x below 0.
void activate(Activation activation, float slope, ConstMap x, Size rows, Size channels, Map y);

/// y = sum_i weights[i] rows[i], added up in that order from 0.
void combine_rows(const float* const* rows, const float* weights, Size count, Size channels, float* y);

/// y = (a + b) * scale; a stride of 0 repeats one row.
void add(ConstMap a, ConstMap b, Size rows, Size channels, float scale, Map y);

/// Each row becomes exp(scale * (x - max)) / sum, in place.
void softmax(float* x, Size rows, Size columns, Size stride, float scale);

/// What the kernels run on: "AVX3", "AVX2", ...
const char* target_name();

/// For tests: every kernel again on the next narrower vectors that this CPU has, until it returns false; then all as
/// before.
bool use_narrower_vectors();

}  // namespace scoresde::simd
