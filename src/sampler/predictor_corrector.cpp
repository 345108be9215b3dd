#include "sampler/solver.h"

namespace scoresde {
namespace {

class PredictorCorrector : public Solver {
 public:
  PredictorCorrector(std::unique_ptr<Solver> predictor, std::unique_ptr<Solver> corrector, bool corrector_first)
      : predictor_(std::move(predictor)), corrector_(std::move(corrector)), corrector_first_(corrector_first) {}

  void begin(std::span<const double> times) override {
    predictor_->begin(times);
    corrector_->begin(times);
  }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    Solver& first = corrector_first_ ? *corrector_ : *predictor_;
    Solver& second = corrector_first_ ? *predictor_ : *corrector_;
    return second.step(p, first.step(p, x, i), i);
  }

  bool takes_equal_times() const override { return predictor_->takes_equal_times(); }
  Batch denoise(const ReverseProcess& p, const Batch& x, double t) override { return predictor_->denoise(p, x, t); }
  const Times* acceptance() const override { return corrector_->acceptance(); }

 private:
  std::unique_ptr<Solver> predictor_, corrector_;
  bool corrector_first_;
};

}  // namespace

std::unique_ptr<Solver> predictor_corrector(std::unique_ptr<Solver> predictor, std::unique_ptr<Solver> corrector,
                                            bool corrector_first) {
  return std::make_unique<PredictorCorrector>(std::move(predictor), std::move(corrector), corrector_first);
}

}  // namespace scoresde
