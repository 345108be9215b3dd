#include "cli/torch_backend.h"

#include "cli/torch_features.h"
#include "nn/network_score.h"
#include "nn/threads.h"

namespace scoresde {
namespace {

class LinkedTorch : public TorchBackend {
 public:
  std::unique_ptr<Score> load_score(const Model& model, int class_label, int threads,
                                    const std::string& device) const override {
    set_threads(threads);
    const auto class_index = class_label < 0 ? std::nullopt : std::optional(class_label);
    return std::make_unique<NetworkScore>(model.spec, parameters_of(model, device), class_index);
  }

  std::unique_ptr<FeatureSpace> load_features(const std::string& file, const ItemShape& shape,
                                              int threads) const override {
    set_threads(threads);
    return load_torchscript_features(file, shape);
  }

  TrainResult train(const RunConfig& config, const TrainOptions& options, int threads) const override {
    set_threads(threads);
    return train_run(config, options);
  }

  TrainForecast forecast(const RunConfig& config, const TrainOptions& options, int threads) const override {
    set_threads(threads);
    return forecast_run(config, options);
  }
};

}  // namespace
}  // namespace scoresde

extern "C" const scoresde::TorchBackend* scoresde_torch_backend() {
  static const scoresde::LinkedTorch backend;
  return &backend;
}
