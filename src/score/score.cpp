#include "score/score.h"

#include "core/error.h"

namespace scoresde {
namespace {

template <class Coefficient>
Times at_each_time(const Times& t, const Coefficient& coefficient) {
  Times result(t.size());
  for (Index i = 0; i < t.size(); ++i) result[i] = coefficient(t[i]);
  return result;
}

}  // namespace

Batch Score::vjp(const Batch&, const Times&, const Batch&) const {
  fail(Failure::usage, "this score has no derivative; use one that has, such as the LibTorch network");
}

ScoreAndVjps Score::with_vjps(const Batch& x, const Times& t, std::span<const Batch> v) const {
  ScoreAndVjps result{(*this)(x, t), {}};
  for (const Batch& one : v) result.vjps.push_back(vjp(x, t, one));
  return result;
}

Times Score::log_density(const Batch&, const Times&) const {
  fail(Failure::usage, "this score has no density; use a closed form or an energy model");
}

Batch CountingScore::operator()(const Batch& x, const Times& t) const {
  rows_ += static_cast<std::uint64_t>(x.rows());
  return score_(x, t);
}

Batch CountingScore::vjp(const Batch& x, const Times& t, const Batch& v) const {
  rows_ += static_cast<std::uint64_t>(x.rows());
  return score_.vjp(x, t, v);
}

ScoreAndVjps CountingScore::with_vjps(const Batch& x, const Times& t, std::span<const Batch> v) const {
  rows_ += static_cast<std::uint64_t>(x.rows()) * (1 + v.size());
  return score_.with_vjps(x, t, v);
}

Times CountingScore::log_density(const Batch& x, const Times& t) const {
  rows_ += static_cast<std::uint64_t>(x.rows());
  return score_.log_density(x, t);
}

Batch denoise(const Sde& sde, const Score& score, const Batch& x, const Times& t) {
  const Marginals m = marginals(sde, t);
  return (x + score(x, t).colwise() * m.sigma.square()).colwise() / m.alpha;
}

Batch flow_velocity(const Sde& sde, const Score& score, const Batch& x, const Times& t) {
  return reverse_drift(sde, score, x, t, 0);
}

Batch reverse_drift(const Sde& sde, const Score& score, const Batch& x, const Times& t, double eta) {
  const Times f = at_each_time(t, [&](double time) { return sde.drift(time); });
  const Times g = at_each_time(t, [&](double time) { return sde.diffusion(time); });
  const Times pull = 0.5 * (1 + eta * eta) * g.square();
  return x.colwise() * f - score(x, t).colwise() * pull;
}

}  // namespace scoresde
