#pragma once

namespace scoresde {

/// Floats of a vector: rows of values and weights are padded to a multiple of it.
inline constexpr int dense_lanes = 16;

/// Rows are padded to a multiple of this.
inline constexpr int dense_rows = 4;

/// y = x w + bias: x (rows, in) with stride x_stride, w (in, out) without padding between its rows, y (rows, out);
/// out a multiple of dense_lanes, rows of dense_rows. Element (r, o) is bias[o] + x[r][0] w[0][o] + x[r][1] w[1][o] +
/// ... from left to right, on every CPU and for any number of rows. add: y itself in the place of the bias.
void dense_linear(const float* x, int x_stride, const float* w, const float* bias, float* y, int rows, int in, int out,
                  bool add);

/// y = x / (1 + exp(-x)); count a multiple of dense_lanes.
void dense_silu(const float* x, float* y, int count);

/// g += v silu'(x).
void dense_silu_back(const float* x, const float* v, float* g, int count);

}  // namespace scoresde
