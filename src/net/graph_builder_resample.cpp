#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "net/graph_builder.h"

// The ops that change height and width.
namespace scoresde {

int GraphBuilder::upsample(int x, std::int64_t height, std::int64_t width) {
  require_rank("upsample", x, 3);
  if ((height + 1) / 2 != shape(x)[1] || (width + 1) / 2 != shape(x)[2])
    fail(Failure::usage, "upsample: {} cannot become {} x {}", shape_text(shape(x)), height, width);
  return push({.kind = OpKind::upsample, .inputs = {x}, .shape = {channels(x), height, width}});
}

int GraphBuilder::downsample(int x) {
  require_rank("downsample", x, 3);
  return push({.kind = OpKind::downsample,
               .inputs = {x},
               .shape = {channels(x), (shape(x)[1] + 1) / 2, (shape(x)[2] + 1) / 2}});
}

int GraphBuilder::bilinear(int x, std::int64_t height, std::int64_t width, bool jax) {
  require_rank("bilinear", x, 3);
  return push({.kind = OpKind::bilinear, .inputs = {x}, .shape = {channels(x), height, width}, .jax = jax});
}

int GraphBuilder::fir(int x, const std::vector<double>& taps, int up, int down, int before, int after) {
  require_rank("fir", x, 3);
  double sum = 0;
  for (const double tap : taps) sum += tap;
  if (!(std::abs(sum) > 0)) fail(Failure::usage, "net.fir_kernel: the taps of a filter may not add up to {}", sum);
  const auto extent = [&](std::int64_t n) {
    const std::int64_t room = up * n + before + after - static_cast<std::int64_t>(taps.size());
    return room < 0 ? 0 : room / down + 1;
  };
  std::vector<double> scaled = taps;
  for (double& tap : scaled) tap *= up / sum;
  return push({.kind = OpKind::fir,
               .inputs = {x},
               .shape = {channels(x), extent(shape(x)[1]), extent(shape(x)[2])},
               .stride = down,
               .padding = before,
               .padding_after = after,
               .up = up,
               .taps = std::move(scaled)});
}

int GraphBuilder::max_pool(int x, int kernel) {
  require_rank("max_pool", x, 3);
  return push({.kind = OpKind::max_pool, .inputs = {x}, .shape = shape(x), .padding = kernel / 2, .kernel = kernel});
}

int GraphBuilder::space_to_depth(int x, int patch) {
  require_rank("space_to_depth", x, 3);
  const auto& s = shape(x);
  if (patch < 1 || s[1] % patch != 0 || s[2] % patch != 0)
    fail(Failure::usage, "net.patch = {} does not divide a height of {} and a width of {}", patch, s[1], s[2]);
  return push({.kind = OpKind::space_to_depth,
               .inputs = {x},
               .shape = {s[0] * patch * patch, s[1] / patch, s[2] / patch},
               .patch = patch});
}

int GraphBuilder::depth_to_space(int x, int patch) {
  require_rank("depth_to_space", x, 3);
  const auto& s = shape(x);
  if (patch < 1 || s[0] % (patch * patch) != 0)
    fail(Failure::usage, "depth_to_space: {} channels are not a multiple of {}^2", s[0], patch);
  return push({.kind = OpKind::depth_to_space,
               .inputs = {x},
               .shape = {s[0] / (patch * patch), s[1] * patch, s[2] * patch},
               .patch = patch});
}

}  // namespace scoresde
