#pragma once
#include <cstdint>
#include <vector>

#include "core/noise.h"
#include "nn/network.h"

namespace scoresde::testing_support {

/// A tensor of N(0, 1) numbers of the project's own.
inline at::Tensor noise(std::vector<std::int64_t> shape, std::uint64_t sample, at::ScalarType dtype = at::kDouble) {
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  fill_normal({.seed = 11, .sample = sample}, values);
  return from_tensor(Tensor::of(std::move(shape), std::span<const double>(values)), dtype);
}

/// The output layer and the residual branches start at zero, which would hide everything before them.
inline void stir(Network& network) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < network.parameters().size(); ++i) {
    at::Tensor& p = network.parameters()[i];
    p.copy_(p + 0.2 * noise(p.sizes().vec(), 100 + i, p.scalar_type()));
  }
}

}  // namespace scoresde::testing_support
