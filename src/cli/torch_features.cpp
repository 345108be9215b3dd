#include "cli/torch_features.h"

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "core/error.h"
#include "nn/tensor.h"

namespace scoresde {
namespace {

class TorchScriptFeatures : public FeatureSpace {
 public:
  TorchScriptFeatures(torch::jit::Module module, const ItemShape& shape) : module_(std::move(module)), shape_(shape) {}

  Batch operator()(const Batch& items) const override {
    const at::NoGradGuard no_grad;
    const Batch levels = ((items + 1) * 127.5).round().max(0).min(255);
    at::Tensor x = at::empty({items.rows(), shape_.channels, shape_.height, shape_.width}, at::kDouble);
    Eigen::Map<Batch>(x.data_ptr<double>(), items.rows(), items.cols()) = levels;
    if (shape_.channels == 1) x = x.expand({items.rows(), 3, shape_.height, shape_.width});
    const std::vector<c10::IValue> input = {x.to(at::kByte)};
    at::Tensor y = module_.forward(input, {{"return_features", true}}).toTensor().to(at::kDouble).contiguous();
    if (y.dim() != 2 || y.size(0) != items.rows() || y.size(1) != dimension())
      fail(Failure::data, "the module of --features inception does not give {} features an item", dimension());
    return Eigen::Map<const Batch>(y.data_ptr<double>(), items.rows(), dimension());
  }
  Index dimension() const override { return 2048; }

 private:
  mutable torch::jit::Module module_;
  ItemShape shape_;
};

}  // namespace

std::unique_ptr<FeatureSpace> load_torchscript_features(const std::string& file, const ItemShape& shape) {
  if (shape.channels != 1 && shape.channels != 3)
    fail(Failure::usage, "--features inception takes grey or RGB pictures, not {}", to_text(shape));
  try {
    torch::jit::Module module = torch::jit::load(file, at::kCPU);
    module.eval();
    return std::make_unique<TorchScriptFeatures>(std::move(module), shape);
  } catch (const c10::Error& error) {
    fail(Failure::data, "{}: LibTorch cannot read it: {}", file, error.msg().substr(0, error.msg().find('\n')));
  }
}

}  // namespace scoresde
