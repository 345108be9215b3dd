#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "nn/test_support.h"
#include "objective/objective.h"

namespace scoresde {
namespace {

using testing_support::noise;

std::unique_ptr<Sde> edm_sde() {
  SdeConfig config;
  config.name = "edm";
  return make_sde(config);
}

// f = sum (u_j^4 / 4 + u_j label), so F = -(u^3 + label).
Learner quartic(const Sde& sde, const PredictionEntry& prediction) {
  return Learner(
      sde, prediction, 0.7,
      [](const at::Tensor& u, const at::Tensor& label) { return -(u.pow(3) + label.unsqueeze(1)); },
      [](const at::Tensor& u, const at::Tensor& label) { return (u.pow(4) / 4 + u * label.unsqueeze(1)).sum(1); });
}

TEST(Energy, TheScoreIsMinusItsGradientForEveryPrediction) {
  const auto sde = edm_sde();
  Times t(5);
  t << 0.01, 0.2, 1, 5, 60;
  for (const PredictionEntry& prediction : predictions()) {
    const Learner learner = quartic(*sde, prediction);
    const at::Tensor x = noise({5, 3}, 1).set_requires_grad(true);
    const at::Tensor slope = torch::autograd::grad({learner.energy(x, t).sum()}, {x}).at(0);
    const at::Tensor score = learner.score(x, t).detach();
    EXPECT_LT((slope + score).abs().max().item<double>(), 1e-10 * score.abs().max().item<double>()) << prediction.name;
  }
  const Learner no_energy(*sde, predictions()[0], 1, [](const at::Tensor& x, const at::Tensor&) { return x; });
  EXPECT_THROW(no_energy.energy(noise({5, 3}, 1), t), Error);
}

// The losses of an energy network differentiated twice or three times, against central differences along a direction.
TEST(Energy, NetworksLearnThroughTheirGradient) {
  NetConfig config;
  config.name = "energy";
  config.channels = 6;
  config.channel_mult = {1, 2};
  config.attention = {2};
  const auto sde = edm_sde();
  const std::vector<std::uint64_t> samples = {0, 1, 2};
  const CounterTrainingNoise random(1, samples, 0, true);
  for (const ItemShape& shape : {ItemShape{3, 1, 1, false}, ItemShape{1, 4, 4, true}}) {
    Network network(build_net(config, shape), 1, at::kDouble);
    testing_support::stir(network);
    const Learner learner(
        *sde, predictions()[4], 0.5,
        [&](const at::Tensor& x, const at::Tensor& label) {
          return raw_output(network.graph(), network.parameters(), x, label, {}, {});
        },
        [&](const at::Tensor& x, const at::Tensor& label) { return network.forward(x, label).squeeze(1); });
    const at::Tensor x0 = 0.5 * (shape.image ? noise({3, 1, 4, 4}, 2) : noise({3, 3}, 2));
    for (const char* name : {"dsm", "ism", "ssm", "fd-ssm"}) {
      ObjectiveConfig objective_config;
      objective_config.name = name;
      const auto objective = make_objective(objective_config, *sde);
      const auto loss = [&] { return (*objective)(learner, {x0, {}, samples}, random).values.mean(); };
      for (at::Tensor& p : network.parameters()) p.mutable_grad() = at::Tensor();
      loss().backward();
      double exact = 0;
      std::vector<at::Tensor> directions;
      for (std::size_t i = 0; i < network.parameters().size(); ++i) {
        const at::Tensor& p = network.parameters()[i];
        directions.push_back(p.requires_grad() ? noise(p.sizes().vec(), 50 + i) : at::Tensor());
        if (p.grad().defined()) exact += (p.grad() * directions.back()).sum().item<double>();
      }
      const auto step = [&](double h) {
        const at::NoGradGuard guard;
        for (std::size_t i = 0; i < directions.size(); ++i)
          if (directions[i].defined()) network.parameters()[i].add_(directions[i] * h);
      };
      constexpr double h = 1e-5;
      step(h);
      const double above = loss().item<double>();
      step(-2 * h);
      const double below = loss().item<double>();
      step(h);
      EXPECT_NEAR(exact, (above - below) / (2 * h), 1e-5 * std::abs(exact)) << name << " " << to_text(shape);
      EXPECT_GT(std::abs(exact), 1e-3) << name;
    }
  }
}

/// E = precision |x|^2 / 2 at every t, as a learner whose prediction is the score itself.
Preconditioning bare_score(const Sde&, double t, double) { return {1, t, 0, 1, 0, 0}; }
constexpr PredictionEntry bare_score_entry = {"bare-score", "", bare_score};

struct GaussianEnergy {
  at::Tensor precision;
  Learner learner(const Sde& sde) const {
    return Learner(
        sde, bare_score_entry, 1, [p = precision](const at::Tensor& x, const at::Tensor&) { return -p * x; },
        [p = precision](const at::Tensor& x, const at::Tensor&) { return 0.5 * p * x.square().sum(1); });
  }
};

// n Langevin steps of size h in the potential p x^2 / 2 take the variance v to q^2n v + 2 h (1 - q^2n) / (1 - q^2), q =
// 1 - h p. The loss' gradient in p is (x_t^2 - negative^2) / 2 in mean: known for any number of steps.
double langevin_variance(double v, double h, double p, int n) {
  const double q2 = (1 - h * p) * (1 - h * p), share = std::pow(q2, n);
  return share * v + 2 * h * (1 - share) / (1 - q2);
}

// 0 or 1 as data; 40,000 values: their variance's standard error is sqrt(2 / 40,000) of it at most (the law is no
// wider than a Gaussian), and cd's positives and negatives are correlated in its favour.
TEST(Energy, ContrastiveDivergenceHasItsExpectedGradient) {
  constexpr int n = 20000;
  const auto sde = edm_sde();
  constexpr double sigma = 0.8, p = 1.5;
  std::vector<std::uint64_t> samples(n);
  for (int i = 0; i < n; ++i) samples[static_cast<std::size_t>(i)] = static_cast<std::uint64_t>(i);
  const at::Tensor x0 = noise({n, 2}, 9).gt(0).to(at::kDouble);
  const CounterTrainingNoise random(2, samples, 0, false);
  const GaussianEnergy energy{at::full({}, p, at::kDouble).set_requires_grad(true)};
  for (const char* name : {"cd", "pcd"}) {
    ObjectiveConfig config;
    config.name = name;
    config.time_sampling = "fixed";
    config.time = sigma;
    config.langevin_step = 0.3;
    config.langevin_steps = 3;
    config.chains = n;
    config.reduce_mean = false;
    config.restart = 0;
    const auto objective = make_objective(config, *sde);
    const Learner learner = energy.learner(*sde);
    const int visits = config.name == "pcd" ? 4 : 0;  // persistent chains go on where they were
    for (int visit = 0; visit < visits; ++visit)
      objective->advance(learner, {x0, {}, samples},
                         CounterTrainingNoise(3 + static_cast<std::uint64_t>(visit), samples, 0, false));
    const at::Tensor loss = (*objective)(learner, {x0, {}, samples}, random).values.mean();
    const double gradient = torch::autograd::grad({loss}, {energy.precision}).at(0).item<double>();
    // Second moments of both coordinates: E x_0^2 = 1/2 decays by q^2n as the variance does.
    const double data = 0.5 + sigma * sigma;
    const int steps = config.langevin_steps * std::max(visits, 1);
    const double negative = langevin_variance(data, config.langevin_step * sigma * sigma, p, steps);
    EXPECT_NEAR(gradient, data - negative, 5 * 2 * data * std::sqrt(2.0 / n)) << name;
    EXPECT_GT(std::abs(data - negative), 10 * 2 * data * std::sqrt(2.0 / n)) << "the test could see nothing";
  }
}

TEST(Energy, ChainsGoRoundAndAMisfitIsAnError) {
  const auto sde = edm_sde();
  ObjectiveConfig config;
  config.name = "pcd";
  config.chains = 6;
  const GaussianEnergy energy{at::full({}, 1.5, at::kDouble)};
  const Learner learner = energy.learner(*sde);
  const auto advance = [&](Objective& objective, std::uint64_t first) {
    const std::vector<std::uint64_t> samples = {first, first + 1, first + 2, first + 3};
    objective.advance(learner, {noise({4, 2}, first), {}, samples}, CounterTrainingNoise(1, samples, 0, false));
  };
  const auto whole = make_objective(config, *sde), first = make_objective(config, *sde),
             second = make_objective(config, *sde);
  EXPECT_TRUE(first->carried().empty());
  for (const std::uint64_t at : {0, 4, 8}) advance(*whole, at);
  for (const std::uint64_t at : {0, 4}) advance(*first, at);
  second->restore(first->carried());
  advance(*second, 8);
  EXPECT_TRUE(whole->carried().at("chains").equal(second->carried().at("chains")));
  EXPECT_FALSE(whole->carried().at("chains").equal(at::full({6, 2}, 0.0, at::kDouble)));
  EXPECT_THROW(second->restore({{"chains", noise({5, 2}, 1)}}), Error);
  config.chains = 3;
  const auto few = make_objective(config, *sde);
  EXPECT_THROW(advance(*few, 0), Error);
}

}  // namespace
}  // namespace scoresde
