#pragma once
#include "net/graph.h"
#include "nn/tensor.h"

namespace scoresde {

/// OpKind::fir of x (B, C, H, W): GraphBuilder::fir.
at::Tensor filter_image(const at::Tensor& x, const Node& node);

}  // namespace scoresde
