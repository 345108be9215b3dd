#include "objective/objective.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/file.h"
#include "core/sum.h"
#include "objective/time_sampling.h"
#include "objective/weighting.h"
#include "test_paths.h"

namespace scoresde {
namespace {

Json golden_losses() { return Json::parse(read_text(fs::path(SCORESDE_SOURCE_DIR) / "tests/golden/losses_f64.json")); }

// The golden files' rules for data and noise.
at::Tensor golden_tensor(double (*value)(double j)) {
  at::Tensor x = at::empty({4, 3, 2, 2}, at::kDouble);
  for (int j = 0; j < x.numel(); ++j) x.data_ptr<double>()[j] = value(j);
  return x;
}

class GivenNoise : public TrainingNoise {
 public:
  explicit GivenNoise(Times u) : u_(std::move(u)) {}
  Times uniform(Purpose) const override { return u_; }
  at::Tensor normal(Purpose, const at::Tensor&, std::uint32_t) const override {
    return golden_tensor([](double j) { return std::numbers::sqrt2 * std::sin(1.0 + 0.7 * j); });
  }

 private:
  Times u_;
};

TrainingItems golden_items() {
  return {golden_tensor([](double j) { return 0.5 * std::cos(0.3 + 1.7 * j); }), {}};
}

SdeConfig golden_sde(const Json& params, std::string name) {
  SdeConfig config;
  config.name = std::move(name);
  config.sigma_min = params.value("sigma_min", 0.01);
  config.sigma_max = params.value("sigma_max", 50.0);
  return config;
}

Times golden_times(const Json& values) {
  const auto list = values.get<std::vector<double>>();
  return Eigen::Map<const Times>(list.data(), static_cast<Index>(list.size()));
}

// The raw output is the score or the noise, and the network is asked at x itself and the label t.
Preconditioning plain_score(const Sde& sde, double t, double) { return {1, t, 0, 1, 0, -1 / sde.marginal(t).sigma}; }
Preconditioning plain_noise(const Sde& sde, double t, double) { return {1, t, 0, -1 / sde.marginal(t).sigma, 0, 1}; }
constexpr PredictionEntry plain_score_entry = {"plain-score", "", plain_score};
constexpr PredictionEntry plain_noise_entry = {"plain-noise", "", plain_noise};

double loss_of(const Json& test_case, const ObjectiveConfig& config, const Learner& learner, const Times& u) {
  ObjectiveConfig with = config;
  with.reduce_mean = test_case["reduce_mean"].get<bool>();
  const Losses losses = (*make_objective(with, learner.sde()))(learner, golden_items(), GivenNoise(u));
  return losses.values.mean().item<double>();
}

double continuous_loss(const Json& test_case, const Times& u) {
  const std::map<std::string, std::string> names = {{"VPSDE", "vp"}, {"subVPSDE", "sub-vp"}, {"VESDE", "ve"}};
  const auto sde = make_sde(golden_sde(test_case["params"], names.at(test_case["sde"].get<std::string>())));
  const Learner learner(*sde, plain_score_entry, 0.5, [&](const at::Tensor& x, const at::Tensor& label) {
    const Times t = Eigen::Map<const Times>(label.data_ptr<double>(), label.numel());
    const Marginals m = marginals(*sde, t);
    return -(x - per_sample(0.2 * m.alpha, x)) / per_sample(0.25 * m.alpha.square() + m.sigma.square(), x);
  });
  ObjectiveConfig config;
  config.weighting = test_case["likelihood_weighting"].get<bool>() ? "g2" : "sigma2";
  config.time_sampling = "uniform";
  return loss_of(test_case, config, learner, u);
}

double smld_loss(const Json& test_case) {
  const auto sde = make_sde(golden_sde(test_case["params"], "ve"));
  const Learner learner(*sde, plain_score_entry, 0.5, [&](const at::Tensor& x, const at::Tensor& label) {
    const Times t = Eigen::Map<const Times>(label.data_ptr<double>(), label.numel());
    return -(x - 0.2) / per_sample(0.25 + marginals(*sde, t).sigma.square(), x);
  });
  ObjectiveConfig config;
  config.name = "smld";
  config.levels = test_case["params"]["N"].get<int>();
  return loss_of(test_case, config, learner, (golden_times(test_case["labels"]) + 0.5) / config.levels);
}

double ddpm_loss(const Json& test_case) {
  const auto sde = make_sde(golden_sde(test_case["params"], "vp"));
  const Times labels = golden_times(test_case["labels"]);
  const Learner learner(*sde, plain_noise_entry, 0.5, [&](const at::Tensor& x, const at::Tensor&) {
    return 0.1 * x + 0.001 * per_sample(labels, x);
  });
  ObjectiveConfig config;
  config.name = "ddpm";
  config.levels = test_case["params"]["N"].get<int>();
  return loss_of(test_case, config, learner, (labels + 0.5) / config.levels);
}

TEST(Objective, MatchesTheReferencesLosses) {
  const Json golden = golden_losses();
  ASSERT_EQ(golden["cases"].size(), 19u);
  for (const Json& test_case : golden["cases"]) {
    const std::string kind = test_case["loss"].get<std::string>();
    const double expected = test_case["value"].get<double>();
    const double value = kind == "sde"    ? continuous_loss(test_case, golden_times(golden["u"]))
                         : kind == "smld" ? smld_loss(test_case)
                                          : ddpm_loss(test_case);
    EXPECT_NEAR(value, expected, 1e-9 * expected) << test_case.dump();
  }
}

// Regressing F is the same number as lambda ||score - score*||^2, for every prediction, weighting and SDE.
TEST(Objective, LossInOutputSpaceEqualsLossInScoreSpace) {
  const TrainingItems items = golden_items();
  Times u(4);
  u << 0.03, 0.31, 0.62, 0.97;
  for (const SdeEntry& entry : sdes()) {
    if (entry.name == "table") continue;  // needs a file
    SdeConfig sde_config;
    sde_config.name = entry.name;
    if (entry.name == "ve") sde_config.sigma_max = 30;
    const auto sde = make_sde(sde_config);
    for (const PredictionEntry& prediction : predictions()) {
      const Learner learner(*sde, prediction, 0.4, [](const at::Tensor& x, const at::Tensor& label) {
        return 0.3 * x + 0.1 * label.reshape({-1, 1, 1, 1}).tanh();
      });
      for (const WeightingEntry& weighting : weightings()) {
        ObjectiveConfig config;
        config.weighting = weighting.name;
        config.time_sampling = "uniform";
        const GivenNoise noise(u);
        const Losses losses = (*make_objective(config, *sde))(learner, items, noise);
        const Marginals m = marginals(*sde, losses.t);
        const at::Tensor z = noise.normal(Purpose::perturbation, items.x0, 0);
        const at::Tensor x = items.x0 * per_sample(m.alpha, z) + z * per_sample(m.sigma, z);
        const at::Tensor error = (learner.score(x, losses.t) + z / per_sample(m.sigma, z)).flatten(1).square().mean(1);
        for (int i = 0; i < 4; ++i) {
          const double slow = weighting.weight(*sde, losses.t[i], {0.4, 5}) * error[i].item<double>();
          EXPECT_NEAR(losses.values[i].item<double>(), slow, 1e-8 * slow)
              << entry.name << " " << prediction.name << " " << weighting.name << " t=" << losses.t[i];
        }
      }
    }
  }
}

// Midpoint rule over u: importance sampling keeps the expectation of any function that uniform times give.
TEST(TimeSampling, ImportanceIsUnbiasedAndDrawsStayInRange) {
  constexpr int points = 200000;
  for (const char* name : {"vp", "sub-vp", "ve"}) {
    SdeConfig config;
    config.name = name;
    config.sigma_max = config.name == "ve" ? 50 : 0;
    config.t_min = 1e-3;  // the midpoint rule cannot follow a density that rises a thousandfold at its end
    const auto sde = make_sde(config);
    std::map<std::string, double> mean;
    for (const TimeSamplingEntry& entry : time_samplings()) {
      for (int k = 0; k < points; ++k) {
        const TimeDraw draw = entry.draw(*sde, (k + 0.5) / points, {});
        ASSERT_GE(draw.t, sde->t_min());
        ASSERT_LE(draw.t, sde->t_max());
        mean[std::string(entry.name)] += draw.factor * std::sin(3 * draw.t) / points;
      }
    }
    const double exact = (std::cos(3 * sde->t_min()) - std::cos(3.0)) / 3 / (1 - sde->t_min());
    EXPECT_NEAR(mean["uniform"], exact, 1e-7) << name;
    EXPECT_NEAR(mean["importance"], exact, 1e-5) << name;
  }
}

TEST(TimeSampling, LogNormalHasItsMoments) {
  SdeConfig config;
  config.name = "edm";
  const auto sde = make_sde(config);
  const TimeSamplingEntry& entry = time_samplings()[3];
  ASSERT_EQ(entry.name, "log-normal");
  double mean = 0, square = 0;
  constexpr int points = 100000;
  for (int k = 0; k < points; ++k) {
    const double y = -sde->log_snr(entry.draw(*sde, (k + 0.5) / points, {-1.2, 0.5}).t);
    mean += y / points;
    square += y * y / points;
  }
  EXPECT_NEAR(mean, -1.2, 1e-4);
  EXPECT_NEAR(std::sqrt(square - mean * mean), 0.5, 1e-3);
}

TEST(TimeSampling, NormalQuantileInvertsTheDistributionFunction) {
  for (double x = -8; x <= 5; x += 0.37) EXPECT_NEAR(normal_quantile(normal_cdf(x)), x, 1e-9) << x;
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-12);
}

TEST(TrainingNoise, IsAFunctionOfTheSampleAlone) {
  std::vector<std::uint64_t> many(64);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = 1000 + i;
  const std::vector<std::uint64_t> one = {1040};
  const CounterTrainingNoise batch(7, many, 0, true), single(7, one, 0, true);
  EXPECT_EQ(batch.uniform(Purpose::time)[40], single.uniform(Purpose::time)[0]);
  const at::Tensor like = at::empty({64, 2, 3, 3}, at::kFloat);
  const at::Tensor a = batch.normal(Purpose::perturbation, like)[40];
  const at::Tensor b = single.normal(Purpose::perturbation, like.narrow(0, 0, 1))[0];
  EXPECT_TRUE(a.equal(b));
  EXPECT_FALSE(a.equal(CounterTrainingNoise(7, one, 1, true).normal(Purpose::perturbation, like.narrow(0, 0, 1))[0]));
}

// 64 consecutive points of the golden-ratio sequence lie nowhere thinner than 1 / 64 by the three-gap theorem's largest
// gap, below 2.62 / 64.
TEST(TrainingNoise, LowDiscrepancyTimesCoverTheUnitInterval) {
  std::vector<std::uint64_t> samples(64);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = (std::uint64_t{1} << 33) + i;
  const Times u = CounterTrainingNoise(3, samples, 0, true).uniform(Purpose::time);
  std::vector<double> sorted(u.begin(), u.end());
  std::sort(sorted.begin(), sorted.end());
  double widest = sorted.front() + 1 - sorted.back();
  for (std::size_t i = 1; i < sorted.size(); ++i) widest = std::max(widest, sorted[i] - sorted[i - 1]);
  EXPECT_LT(widest, 2.62 / 64);
  EXPECT_GT(sorted.front(), 0);
  EXPECT_LT(sorted.back(), 1);
}

TEST(Objective, NamesWhatItIsNotDefinedFor) {
  SdeConfig config;
  config.name = "sub-vp";
  const auto sde = make_sde(config);
  for (const char* name : {"smld", "ddpm", "dms"}) {
    ObjectiveConfig objective;
    objective.name = name;
    EXPECT_THROW(make_objective(objective, *sde), Error) << name;
  }
}

// For two equal logits the loss is log 2 whatever the noise; correct where the arg max is the label.
TEST(Objective, CrossEntropyOfKnownLogits) {
  const auto sde = make_sde({});
  const Learner learner(*sde, predictions()[1], 0.5, [](const at::Tensor& x, const at::Tensor&) {
    at::Tensor logits = at::empty({x.size(0), 2}, x.options());
    logits.fill_(0.25);
    logits.select(0, 1).select(0, 1).fill_(0.25 + std::log(3.0));
    return logits;
  });
  TrainingItems items = golden_items();
  items.labels = at::empty({4}, at::kLong).fill_(1);
  ObjectiveConfig config;
  config.name = "cross-entropy";
  const Losses losses = (*make_objective(config, *sde))(learner, items, GivenNoise(times_of(4, 0.3)));
  EXPECT_NEAR(losses.values[0].item<double>(), std::log(2.0), 1e-12);
  EXPECT_NEAR(losses.values[1].item<double>(), std::log(4.0 / 3), 1e-12);
  EXPECT_EQ(losses.correct[0].item<long>(), 0);
  EXPECT_EQ(losses.correct[1].item<long>(), 1);
}

}  // namespace
}  // namespace scoresde
