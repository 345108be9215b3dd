#include "metrics/class_score.h"

#include <cmath>

#include "metrics/estimate.h"

namespace scoresde {

MetricValue inception_score(const Batch& probabilities) {
  const Index n = probabilities.rows();
  const Batch logs = probabilities.max(1e-300).log();
  return jackknife([&](Index left_out) {
    Eigen::ArrayXd mean = Eigen::ArrayXd::Zero(probabilities.cols());
    double negative_entropy = 0, count = 0;
    for (Index i = 0; i < n; ++i) {
      if (group_of(i, n) == left_out) continue;
      mean += probabilities.row(i).transpose();
      negative_entropy += (probabilities.row(i) * logs.row(i)).sum();
      ++count;
    }
    mean /= count;
    return std::exp(negative_entropy / count - (mean * mean.max(1e-300).log()).sum());
  });
}

}  // namespace scoresde
