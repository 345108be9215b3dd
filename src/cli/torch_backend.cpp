#include "cli/torch_backend.h"

#include "nn/network_score.h"

namespace scoresde {
namespace {

class LinkedTorch : public TorchBackend {
 public:
  std::unique_ptr<Score> load_score(const Model& model, int class_label, int threads,
                                    const std::string& device) const override {
    return std::make_unique<NetworkScore>(model, NetworkScoreOptions{class_label, threads, device});
  }

  TrainResult train(const RunConfig& config, const TrainOptions& options) const override {
    return train_run(config, options);
  }

  TrainForecast forecast(const RunConfig& config, const TrainOptions& options) const override {
    return forecast_run(config, options);
  }
};

}  // namespace
}  // namespace scoresde

extern "C" const scoresde::TorchBackend* scoresde_torch_backend() {
  static const scoresde::LinkedTorch backend;
  return &backend;
}
