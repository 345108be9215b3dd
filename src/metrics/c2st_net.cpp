#include <algorithm>
#include <cmath>

#include "core/noise.h"
#include "metrics/two_sample_classifier.h"

namespace scoresde {
namespace {

using NetMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int kHidden = 32, kSteps = 1000;
constexpr Index kNetBatch = 128;

/// A layer with the state of Adam (Kingma & Ba 2015). The last row of `weights` is the bias.
struct NetLayer {
  NetLayer(Index in, Index out, std::uint64_t seed, std::uint32_t fold, std::uint64_t number)
      : weights(in + 1, out), first(NetMatrix::Zero(in + 1, out)), second(first) {
    fill_normal({.seed = seed, .purpose = Purpose::weights, .sample = number, .step = fold},
                std::span(weights.data(), static_cast<std::size_t>(weights.size())));
    weights *= std::sqrt(2.0f / static_cast<float>(in));
    weights.bottomRows(1).setZero();
  }

  NetMatrix forward(const NetMatrix& x) const {
    return (x * weights.topRows(x.cols())).rowwise() + weights.row(x.cols());
  }

  /// One step along the gradient for outputs' gradient `g`; returns the inputs' gradient.
  NetMatrix update(const NetMatrix& x, const NetMatrix& g, int step, float rate) {
    const NetMatrix back = g * weights.topRows(x.cols()).transpose();
    NetMatrix slope(weights.rows(), weights.cols());
    slope.topRows(x.cols()).noalias() = x.transpose() * g;
    slope.bottomRows(1) = g.colwise().sum();
    first = 0.9f * first + 0.1f * slope;
    second = 0.999f * second + 0.001f * slope.cwiseAbs2();
    const float scale1 = 1 / (1 - std::pow(0.9f, static_cast<float>(step))),
                scale2 = 1 / (1 - std::pow(0.999f, static_cast<float>(step)));
    weights.array() -= rate * scale1 * first.array() / ((scale2 * second.array()).sqrt() + 1e-8f);
    return back;
  }

  NetMatrix weights, first, second;
};

/// Two hidden layers of 32 units and a logistic output, learnt in 1000 steps of 128 rows.
Times net_verdict(const LabelledRows& train, const Batch& test, std::uint64_t seed, std::uint32_t fold) {
  const Eigen::RowVectorXd centre = train.x.matrix().colwise().mean();
  const Eigen::RowVectorXd spread =
      ((train.x.matrix().rowwise() - centre).array().square().colwise().mean().sqrt()).cwiseMax(1e-30).matrix();
  const auto scaled = [&](const Batch& x) -> NetMatrix {
    return ((x.matrix().rowwise() - centre).array().rowwise() / spread.array()).matrix().cast<float>();
  };
  const NetMatrix x = scaled(train.x);
  NetLayer one(x.cols(), kHidden, seed, fold, 0), two(kHidden, kHidden, seed, fold, 1),
      three(kHidden, 1, seed, fold, 2);
  const Index rows = std::min(kNetBatch, x.rows()), batches = x.rows() / rows;
  std::vector<std::uint32_t> order;
  NetMatrix input(rows, x.cols()), error(rows, 1);
  for (int step = 0; step < kSteps; ++step) {
    const Index batch = step % batches;
    if (batch == 0)
      order = permutation(seed, Purpose::data_order, fold << 16 | static_cast<std::uint32_t>(step / batches),
                          static_cast<std::uint32_t>(x.rows()));
    const auto at = [&](Index i) { return static_cast<Index>(order[static_cast<std::size_t>(batch * rows + i)]); };
    for (Index i = 0; i < rows; ++i) input.row(i) = x.row(at(i));
    const NetMatrix hidden1 = one.forward(input).cwiseMax(0), hidden2 = two.forward(hidden1).cwiseMax(0);
    const NetMatrix logit = three.forward(hidden2);
    for (Index i = 0; i < rows; ++i)  // gradient of the mean logistic loss: sigmoid - target
      error(i, 0) = (1 / (1 + std::exp(-logit(i, 0))) - (train.label[at(i)] > 0)) / static_cast<float>(rows);
    const float rate = 0.005f * (1 - static_cast<float>(step) / kSteps);
    NetMatrix back = three.update(hidden2, error, step + 1, rate);
    back = back.cwiseProduct((hidden2.array() > 0).cast<float>().matrix());
    back = two.update(hidden1, back, step + 1, rate);
    back = back.cwiseProduct((hidden1.array() > 0).cast<float>().matrix());
    one.update(input, back, step + 1, rate);
  }
  return three.forward(two.forward(one.forward(scaled(test)).cwiseMax(0)).cwiseMax(0)).cast<double>().array().col(0);
}

}  // namespace

MetricValue measure_c2st(const TwoSamples& pair) { return classifier_two_sample_test(pair, net_verdict); }

}  // namespace scoresde
