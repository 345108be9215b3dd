#include <algorithm>
#include <cmath>

#include "core/digest.h"
#include "core/parallel.h"
#include "core/safetensors.h"
#include "features/features.h"

namespace scoresde {
namespace {

using FloatMap = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;  // pixels x channels

constexpr int kSide = 96;

/// A convolution with its batch normalisation folded in (Howard et al. 2017): y = min(max(w * x + b, 0), 6).
struct MobileLayer {
  Eigen::MatrixXf weights;  ///< pointwise and first: inputs x outputs; depthwise: 9 x channels
  Eigen::RowVectorXf bias;
  int stride = 1;
};

Eigen::RowVectorXf vector_at(const Safetensors& file, const std::string& name) {
  const auto values = file.at(name).f32();
  return Eigen::Map<const Eigen::RowVectorXf>(values.data(), static_cast<Index>(values.size()));
}

MobileLayer layer_at(const Safetensors& file, const std::string& kernel, const std::string& norm, Index rows,
                     Index columns, int stride, const std::string& path) {
  const Tensor& tensor = file.at(kernel);
  const auto values = tensor.f32();
  const Eigen::RowVectorXf gamma = vector_at(file, norm + "/gamma"), beta = vector_at(file, norm + "/beta"),
                           mean = vector_at(file, norm + "/moving_mean"),
                           variance = vector_at(file, norm + "/moving_variance");
  for (const Eigen::RowVectorXf* part : {&gamma, &beta, &mean, &variance})
    if (part->size() != columns || static_cast<Index>(values.size()) != rows * columns)
      fail(Failure::data, "{}: {} is not that of MobileNet v1 1.0", path, kernel);
  const Eigen::RowVectorXf scale = gamma.array() / (variance.array() + 1e-3f).sqrt();
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  MobileLayer layer{Eigen::Map<const RowMajor>(values.data(), rows, columns), beta, stride};
  layer.weights *= scale.asDiagonal();
  layer.bias -= mean.cwiseProduct(scale);
  return layer;
}

/// Pixels in reach of a 3 x 3 window under TensorFlow's "SAME": at stride 2 of an even side zeros stand behind only.
template <class Visit>
void for_each_tap(int side, int stride, const Visit& visit) {
  const int out = (side + stride - 1) / stride, before = std::max((out - 1) * stride + 3 - side, 0) / 2;
  for (int y = 0; y < out; ++y)
    for (int x = 0; x < out; ++x)
      for (int tap = 0; tap < 9; ++tap) {
        const int from_y = y * stride - before + tap / 3, from_x = x * stride - before + tap % 3;
        if (from_y >= 0 && from_y < side && from_x >= 0 && from_x < side)
          visit(y * out + x, tap, from_y * side + from_x);
      }
}

FloatMap pointwise(const FloatMap& x, const MobileLayer& layer) {
  return ((x.matrix() * layer.weights).rowwise() + layer.bias).array().max(0).min(6);
}

FloatMap depthwise(const FloatMap& x, int side, const MobileLayer& layer) {
  const int out = (side + layer.stride - 1) / layer.stride;
  FloatMap y = layer.bias.array().replicate(out * out, 1);
  const FloatMap weights = layer.weights.array();
  for_each_tap(side, layer.stride, [&](int to, int tap, int from) { y.row(to) += x.row(from) * weights.row(tap); });
  return y.max(0).min(6);
}

/// RGB pixels of one picture in [-1, 1], bilinear at pixel centres to 96 x 96.
FloatMap resized(const double* item, const ItemShape& shape) {
  FloatMap pixels(kSide * kSide, 3);
  const auto place = [](int i, int size) {
    const double at = std::clamp((i + 0.5) * size / kSide - 0.5, 0.0, size - 1.0);
    const int low = std::min(static_cast<int>(at), std::max(size - 2, 0));
    return std::pair(low, size > 1 ? at - low : 0.0);
  };
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      const auto [top, v] = place(y, shape.height);
      const auto [left, u] = place(x, shape.width);
      for (int c = 0; c < 3; ++c) {
        const double* plane = item + Index{shape.channels == 1 ? 0 : c} * shape.height * shape.width;
        const auto at = [&](int dy, int dx) {
          return plane[std::min(top + dy, shape.height - 1) * shape.width + std::min(left + dx, shape.width - 1)];
        };
        pixels(y * kSide + x, c) =
            static_cast<float>((1 - v) * ((1 - u) * at(0, 0) + u * at(0, 1)) + v * ((1 - u) * at(1, 0) + u * at(1, 1)));
      }
    }
  return pixels;
}

class MobileNet : public FeatureSpace {
 public:
  MobileNet(const Safetensors& file, const ItemShape& shape, int threads, const std::string& path)
      : shape_(shape), threads_(threads) {
    constexpr int widths[] = {32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024};
    constexpr int strides[] = {1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2};
    first_ = layer_at(file, "conv1/kernel", "conv1_bn", 27, 32, 2, path);
    for (int k = 1; k <= 12; ++k) {
      const std::string deep = fmt::format("conv_dw_{}", k), wide = fmt::format("conv_pw_{}", k);
      layers_.push_back(
          layer_at(file, deep + "/depthwise_kernel", deep + "_bn", 9, widths[k - 1], strides[k - 1], path));
      layers_.push_back(layer_at(file, wide + "/kernel", wide + "_bn", widths[k - 1], widths[k], 1, path));
    }
  }

  Batch operator()(const Batch& items) const override {
    Batch result(items.rows(), dimension());
    parallel_for(static_cast<std::size_t>(items.rows()), threads_, [&](std::size_t i) {
      const auto row = static_cast<Index>(i);
      result.row(row) = features_of(&items(row, 0));
    });
    return result;
  }
  Index dimension() const override { return 1024; }

 private:
  Eigen::Array<double, 1, Eigen::Dynamic> features_of(const double* item) const {
    const FloatMap pixels = resized(item, shape_);
    FloatMap columns = FloatMap::Zero(kSide * kSide / 4, 27);
    for_each_tap(kSide, 2, [&](int to, int tap, int from) { columns.row(to).segment(3 * tap, 3) = pixels.row(from); });
    FloatMap h = pointwise(columns, first_);
    int side = kSide / 2;
    for (std::size_t k = 0; k < layers_.size(); k += 2) {
      h = depthwise(h, side, layers_[k]);
      side = (side + layers_[k].stride - 1) / layers_[k].stride;
      h = pointwise(h, layers_[k + 1]);
    }
    return h.cast<double>().colwise().mean();
  }

  ItemShape shape_;
  int threads_;
  MobileLayer first_;
  std::vector<MobileLayer> layers_;  // depthwise and pointwise by turns
};

}  // namespace

/// MobileNet v1 1.0 (Howard et al. 2017) up to its 12th pointwise convolution, channel means. Trained on ImageNet, but
/// not the network of FID.
Features make_mobilenet_features(const FeatureRequest& request) {
  Digest digest;
  digest.add(read_bytes(request.file, std::uint64_t{1} << 30));
  const Safetensors file = read_safetensors(request.file);
  return {std::make_unique<MobileNet>(file, request.real.shape, request.threads, request.file),
          {"mobilenet", digest.hex(), "bilinear 96x96"}};
}

}  // namespace scoresde
