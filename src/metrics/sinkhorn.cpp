#include "metrics/sinkhorn.h"

#include <cmath>

#include "core/sum.h"
#include "metrics/estimate.h"
#include "metrics/pairwise.h"

namespace scoresde {
namespace {

constexpr int kMostSinkhornSweeps = 500;

Batch squared_costs(const Batch& x, const Batch& y) {
  Batch costs(x.rows(), y.rows());
  for (Index i = 0; i < x.rows(); ++i) costs.row(i) = squared_distances(x, i, y).transpose();
  return costs;
}

// -epsilon log mean_j exp((g_j - c_ij) / epsilon) of every row i.
Times soft_minima(const Batch& costs, const Times& g, double epsilon) {
  Times result(costs.rows()), terms(costs.cols());
  for (Index i = 0; i < costs.rows(); ++i) {
    terms = (g - costs.row(i).transpose()) / epsilon;
    const double top = terms.maxCoeff();
    terms = (terms - top).exp();
    result[i] = -epsilon * (top + std::log(ordered_mean(terms)));
  }
  return result;
}

// The dual value mean f + mean g of entropic transport. Epsilon falls to its value by factors of 4, which starts every
// stage near its solution.
double entropic_cost(const Batch& costs, double epsilon) {
  const Batch transposed = costs.transpose();
  Times f = Times::Zero(costs.rows()), g = Times::Zero(costs.cols());
  for (double level = std::max(costs.maxCoeff(), epsilon);; level = std::max(epsilon, level / 4)) {
    for (int sweep = 0; sweep < (level > epsilon ? 3 : kMostSinkhornSweeps); ++sweep) {
      const Times before = f;
      f = soft_minima(costs, g, level);
      g = soft_minima(transposed, f, level);
      if ((f - before).abs().maxCoeff() < 1e-7 * epsilon) break;
    }
    if (level == epsilon) return ordered_mean(f) + ordered_mean(g);
  }
}

// The same of a sample with itself, where f = g: averaging converges in some ten sweeps.
double own_entropic_cost(const Batch& costs, double epsilon) {
  Times f = Times::Zero(costs.rows());
  for (int sweep = 0; sweep < kMostSinkhornSweeps; ++sweep) {
    const Times next = 0.5 * (f + soft_minima(costs, f, epsilon));
    const bool done = (next - f).abs().maxCoeff() < 1e-7 * epsilon;
    f = next;
    if (done) break;
  }
  return 2 * ordered_mean(f);
}

}  // namespace

double sinkhorn_divergence(const Batch& x, const Batch& y, double epsilon) {
  return entropic_cost(squared_costs(x, y), epsilon) -
         0.5 * (own_entropic_cost(squared_costs(x, x), epsilon) + own_entropic_cost(squared_costs(y, y), epsilon));
}

/// The mean over 4 to 8 disjoint blocks of at most 200 rows, epsilon 0.1 of the reference's total variance. Blocks of
/// some size have some bias, the same for every pair: compare values of the same n, and with the floor.
MetricValue measure_sinkhorn(const TwoSamples& pair) {
  const Index rows = std::min<Index>(200, pair.samples.rows() / 4),
              blocks = std::min<Index>(8, pair.samples.rows() / rows);
  const Batch& y = pair.reference;
  double variance = 0;
  for (Index j = 0; j < y.cols(); ++j) {
    const Times column = y.col(j);
    variance += ordered_mean((column - ordered_mean(column)).square());
  }
  Times values(blocks);
  for (Index b = 0; b < blocks; ++b)
    values[b] = sinkhorn_divergence(pair.samples.middleRows(b * rows, rows), y.middleRows(b * rows, rows),
                                    std::max(0.1 * variance, 1e-300));
  return mean_estimate(values);
}

}  // namespace scoresde
