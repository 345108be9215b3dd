#include "nn/fir.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>

namespace scoresde {
namespace {

// The taps, turned around because ATen correlates, as a (channels, 1, k, k) depthwise kernel.
at::Tensor depthwise_kernel(const std::vector<double>& taps, std::int64_t channels, const at::Tensor& like) {
  const auto n = static_cast<std::int64_t>(taps.size());
  at::Tensor line = at::empty({n}, at::TensorOptions(at::kDouble));
  for (std::int64_t i = 0; i < n; ++i) line.data_ptr<double>()[i] = taps[static_cast<std::size_t>(n - 1 - i)];
  const at::Tensor kernel = (line.unsqueeze(1) * line.unsqueeze(0)).to(like.device(), like.scalar_type());
  return kernel.expand({channels, 1, n, n}).contiguous();
}

}  // namespace

// Zeros are really put in for a doubled size. Doubling phase by phase (four 2 x 2 convolutions, then interleaved) is
// half as slow, a transposed convolution twice (LibTorch 1.13, 256 channels, 16 to 32 pixels, 8 items, forwards and
// backwards 26, 38 and 85 ms); of a training step of NCSN++ all of it is a hundredth.
at::Tensor filter_image(const at::Tensor& x, const Node& node) {
  const std::int64_t batch = x.size(0), channels = x.size(1), up = node.up;
  at::Tensor h = x;
  if (up > 1)
    h = at::constant_pad_nd(x.reshape({batch, channels, x.size(2), 1, x.size(3), 1}), {0, up - 1, 0, 0, 0, up - 1})
            .reshape({batch, channels, up * x.size(2), up * x.size(3)});
  const bool even = node.padding == node.padding_after;
  if (!even) h = at::constant_pad_nd(h, {node.padding, node.padding_after, node.padding, node.padding_after});
  const std::int64_t padding = even ? node.padding : 0;
  return at::conv2d(h, depthwise_kernel(node.taps, channels, x), {}, node.stride, at::IntArrayRef(padding),
                    /*dilation=*/1, channels);
}

}  // namespace scoresde
