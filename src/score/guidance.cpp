#include "score/guidance.h"

namespace scoresde {
namespace {

std::vector<Index> rows_within(const Sde* sde, const GuidanceInterval& interval, const Times& t) {
  std::vector<Index> rows;
  for (Index i = 0; i < t.size(); ++i)
    if (!sde || interval.contains(sde->marginal(t[i]))) rows.push_back(i);
  return rows;
}

std::vector<Index> all_rows(Index count) {
  std::vector<Index> rows;
  for (Index i = 0; i < count; ++i) rows.push_back(i);
  return rows;
}

}  // namespace

Batch GuidedScore::mixed(const Times& t, const Evaluate& evaluate) const {
  Batch result = evaluate(conditional_, all_rows(t.size()));
  const std::vector<Index> rows = rows_within(sde_, interval_, t);
  if (rows.empty()) return result;
  const Batch other = evaluate(unconditional_, rows);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const auto u = other.row(static_cast<Index>(k));
    result.row(rows[k]) = (u + weight_ * (result.row(rows[k]) - u)).eval();
  }
  return result;
}

Batch GuidedScore::operator()(const Batch& x, const Times& t) const {
  return mixed(t, [&](const Score& score, const std::vector<Index>& rows) -> Batch {
    return score(x(rows, Eigen::all), t(rows));
  });
}

Batch GuidedScore::vjp(const Batch& x, const Times& t, const Batch& v) const {
  return mixed(t, [&](const Score& score, const std::vector<Index>& rows) -> Batch {
    return score.vjp(x(rows, Eigen::all), t(rows), v(rows, Eigen::all));
  });
}

Batch ClassifierGuidedScore::operator()(const Batch& x, const Times& t) const {
  Batch result = score_(x, t);
  const std::vector<Index> rows = rows_within(&sde_, interval_, t);
  if (rows.empty()) return result;
  const Batch pull = gradient_(x(rows, Eigen::all), t(rows));
  for (std::size_t k = 0; k < rows.size(); ++k) result.row(rows[k]) += weight_ * pull.row(static_cast<Index>(k));
  return result;
}

}  // namespace scoresde
