#include "sampler/solver.h"

namespace scoresde {
namespace {

class PredictorCorrector : public Solver {
 public:
  PredictorCorrector(std::unique_ptr<Solver> predictor, std::unique_ptr<Solver> corrector)
      : predictor_(std::move(predictor)), corrector_(std::move(corrector)) {}

  void begin(std::span<const double> times) override {
    predictor_->begin(times);
    corrector_->begin(times);
  }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    return corrector_->step(p, predictor_->step(p, x, i), i);
  }

  Batch denoise(const ReverseProcess& p, const Batch& x, double t) override { return predictor_->denoise(p, x, t); }

 private:
  std::unique_ptr<Solver> predictor_, corrector_;
};

}  // namespace

std::unique_ptr<Solver> predictor_corrector(std::unique_ptr<Solver> predictor, std::unique_ptr<Solver> corrector) {
  return std::make_unique<PredictorCorrector>(std::move(predictor), std::move(corrector));
}

}  // namespace scoresde
