#include "sampler/solver.h"

namespace scoresde {
namespace {

/// The prior's score for the first evaluation of a run, the given one afterwards.
class PriorFirstScore : public Score {
 public:
  PriorFirstScore(const ReverseProcess& process, bool& first) : process_(process), first_(first) {}

  Batch operator()(const Batch& x, const Times& t) const override {
    if (!first_) return process_.score(x, t);
    first_ = false;
    const double std = process_.sde.prior_std();
    return x / (-std * std);
  }
  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override { return process_.score.vjp(x, t, v); }
  Times log_density(const Batch& x, const Times& t) const override { return process_.score.log_density(x, t); }
  Index dimension() const override { return process_.score.dimension(); }

 private:
  const ReverseProcess& process_;
  bool& first_;
};

class AnalyticFirst : public Solver {
 public:
  explicit AnalyticFirst(std::unique_ptr<Solver> inner) : inner_(std::move(inner)) {}

  void begin(std::span<const double> times) override {
    first_ = true;
    inner_->begin(times);
  }

  Batch step(const ReverseProcess& p, const Batch& x, const Interval& i) override {
    const PriorFirstScore score(p, first_);
    return inner_->step({p.sde, score, p.noise}, x, i);
  }

  Batch denoise(const ReverseProcess& p, const Batch& x, double t) override { return inner_->denoise(p, x, t); }
  bool takes_equal_times() const override { return inner_->takes_equal_times(); }
  const Times* acceptance() const override { return inner_->acceptance(); }

 private:
  std::unique_ptr<Solver> inner_;
  bool first_ = true;
};

}  // namespace

std::unique_ptr<Solver> analytic_first_step(std::unique_ptr<Solver> solver) {
  return std::make_unique<AnalyticFirst>(std::move(solver));
}

}  // namespace scoresde
