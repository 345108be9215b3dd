#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <numbers>

#include "objective/directions.h"
#include "objective/objective.h"
#include "score/analytic.h"

namespace scoresde {
namespace {

// Two points of the plane with weights 0.3 and 0.7: x_t has the law 0.3 N(alpha a, sigma^2 I) + 0.7 N(alpha b, sigma^2
// I).
constexpr double first_point[] = {-0.7, 0.1}, second_point[] = {0.6, -0.4}, first_weight = 0.3;

at::Tensor numbers(const std::vector<double>& values) {
  at::Tensor result = at::empty({static_cast<std::int64_t>(values.size())}, at::kDouble);
  std::copy(values.begin(), values.end(), result.data_ptr<double>());
  return result;
}

/// A family of scores around the law at time t: parameters are the logit of the first weight, a shift of both means,
/// the logarithm of the variance's factor, and a rotation c (x_2, -x_1), which no density's gradient has. `truth` is
/// the law's own score.
struct ScoreFamily {
  const Sde& sde;
  const PredictionEntry& prediction;
  double t;
  at::Tensor parameters = numbers({truth()[0], 0, 0, 0}).set_requires_grad(true);

  static std::vector<double> truth() { return {std::log(first_weight / (1 - first_weight)), 0, 0, 0}; }

  void set(const std::vector<double>& values) { parameters = numbers(values).set_requires_grad(true); }

  at::Tensor score(const at::Tensor& x) const {
    const auto [alpha, sigma] = sde.marginal(t);
    const at::Tensor variance = sigma * sigma * parameters[2].exp();
    const at::Tensor to_first = numbers({alpha * first_point[0], alpha * first_point[1]}) + parameters[1] - x;
    const at::Tensor to_second = numbers({alpha * second_point[0], alpha * second_point[1]}) + parameters[1] - x;
    const at::Tensor logits = at::stack(
        {parameters[0] - to_first.square().sum(1) / (2 * variance), -to_second.square().sum(1) / (2 * variance)}, 1);
    const at::Tensor share = at::softmax(logits, 1);
    const at::Tensor turned = at::stack({x.select(1, 1), -x.select(1, 0)}, 1);
    return (share.select(1, 0).unsqueeze(1) * to_first + share.select(1, 1).unsqueeze(1) * to_second) / variance +
           parameters[3] * turned;
  }

  /// The learner whose preconditioned output is that score, whatever the prediction.
  Learner learner() const {
    const Preconditioning at = prediction.make(sde, t, 0.6);
    return Learner(sde, prediction, 0.6, [this, at](const at::Tensor& u, const at::Tensor&) {
      const at::Tensor x = u / at.input;
      return (score(x) - at.score_x * x) / at.score_f;
    });
  }
};

/// Nodes and weights that integrate over x_0, z and v exactly: both points; the trapezoid rule, of spectral accuracy
/// for such smooth integrands; and two sign patterns of v, exact for even polynomials of degree 2 in v.
class Cubature : public TrainingNoise {
 public:
  Cubature() {
    constexpr double h = 0.4, end = 7.2;
    std::vector<double> x0, z, v;
    for (const bool first : {true, false})
      for (double a = -end; a < end + h / 2; a += h)
        for (double b = -end; b < end + h / 2; b += h)
          for (const auto& signs : {std::array{1.0, 1.0}, {1.0, -1.0}}) {
            x0.insert(x0.end(), first ? std::begin(first_point) : std::begin(second_point),
                      first ? std::end(first_point) : std::end(second_point));
            z.insert(z.end(), {a, b});
            v.insert(v.end(), signs.begin(), signs.end());
            weights_.push_back(h * h / (2 * std::numbers::pi) * std::exp(-0.5 * (a * a + b * b)) / 2 *
                               (first ? first_weight : 1 - first_weight));
          }
    x0_ = numbers(x0).reshape({-1, 2});
    z_ = numbers(z).reshape({-1, 2});
    v_ = numbers(v).reshape({-1, 2});
  }

  TrainingItems items() const { return {x0_, {}}; }
  at::Tensor mean(const at::Tensor& values) const { return (values * numbers(weights_)).sum(); }
  Times uniform(Purpose) const override { return times_of(x0_.size(0), 0.5); }
  at::Tensor normal(Purpose purpose, const at::Tensor&, std::uint32_t) const override {
    return purpose == Purpose::direction ? v_ : z_;
  }

 private:
  at::Tensor x0_, z_, v_;
  std::vector<double> weights_;
};

MixtureScore true_law(const Sde& sde) {
  const auto at = [](const double* point) { return Gaussian(Eigen::Map<const Eigen::ArrayXd>(point, 2), 0.0); };
  return MixtureScore(sde, {{first_weight, at(first_point)}, {1 - first_weight, at(second_point)}});
}

constexpr const char* matching_objectives[] = {"dsm", "esm", "ism", "ssm", "ssm-vr", "fd-ssm"};

ObjectiveConfig at_one_time(const std::string& name, double t, const std::string& direction = "rademacher") {
  ObjectiveConfig config;
  config.name = name;
  config.time_sampling = "fixed";
  config.time = t;
  config.directions = direction;
  config.difference_step = 1e-4;
  return config;
}

at::Tensor gradient_of(const at::Tensor& loss, const ScoreFamily& family) {
  return torch::autograd::grad({loss}, {family.parameters}).at(0);
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

std::vector<std::string> sde_names() {
  std::vector<std::string> names;
  for (const SdeEntry& entry : sdes())
    if (entry.name != "table") names.emplace_back(entry.name);  // needs a file
  return names;
}

// Where sigma is half of alpha.
double middle_time(const Sde& sde) { return sde.time_at(std::log(2.0)); }

std::unique_ptr<Sde> some_sde(const std::string& name) {
  SdeConfig config;
  config.name = name;
  if (name == "ve") config.sigma_max = 30;
  return make_sde(config);
}

// The theorem behind all of them (Hyvarinen 2005; Vincent 2011; Song et al. 2019): one expected gradient, hence one
// minimiser, the true score. By cubature, so that equal means equal: 1e-6 is fd-ssm's h^2 and the rule's own error.
TEST(ScoreMatching, AllFormsHaveTheSameExpectedGradientAndMinimiser) {
  const Cubature cubature;
  int compared = 0;
  for (const std::string& name : sde_names()) {
    const auto sde = some_sde(name);
    const double t = middle_time(*sde);
    const MixtureScore truth = true_law(*sde);
    for (const PredictionEntry& prediction : predictions()) {
      ScoreFamily family{*sde, prediction, t};
      for (const std::vector<double>& values : {ScoreFamily::truth(), {0.4, 0.2, -0.3, 0.15}}) {
        family.set(values);
        at::Tensor expected;
        for (const char* objective : matching_objectives) {
          const auto made = make_objective(at_one_time(objective, t), *sde, &truth);
          const Losses losses = (*made)(family.learner(), cubature.items(), cubature);
          const at::Tensor gradient = gradient_of(cubature.mean(losses.values), family);
          if (!expected.defined()) expected = gradient;
          EXPECT_LT(largest(gradient - expected), 1e-6) << name << " " << prediction.name << " " << objective;
          if (values == ScoreFamily::truth()) {
            EXPECT_LT(largest(gradient), 1e-6) << name << " " << objective;
          } else {
            EXPECT_GT(largest(gradient), 0.1) << name << " " << objective;
          }
          ++compared;
        }
      }
    }
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_EQ(compared, 6 * 2 * static_cast<int>(predictions().size() * sde_names().size()));
}

TEST(ScoreMatching, EveryKindOfDirectionServesEverySlicedForm) {
  const Cubature cubature;
  const auto sde = some_sde("vp");
  const double t = middle_time(*sde);
  ScoreFamily family{*sde, predictions()[4], t};
  family.set({0.4, 0.2, -0.3, 0.15});
  const auto gradient = [&](const ObjectiveConfig& config) {
    return gradient_of(
        cubature.mean((*make_objective(config, *sde))(family.learner(), cubature.items(), cubature).values), family);
  };
  const at::Tensor expected = gradient(at_one_time("ism", t));
  for (const char* objective : {"ssm", "ssm-vr", "fd-ssm"})
    for (const DirectionEntry& direction : directions()) {
      ObjectiveConfig config = at_one_time(objective, t, std::string(direction.name));
      config.slices = 2;
      EXPECT_LT(largest(gradient(config) - expected), 1e-6) << objective << " " << direction.name;
    }
}

// E[v v^T] = I for all directions; a standard error is at most sqrt(3 / n).
TEST(ScoreMatching, DirectionsHaveUnitSecondMoments) {
  constexpr int n = 20000;
  std::vector<double> z(3 * n);
  fill_normal({.seed = 5, .purpose = Purpose::direction}, z);
  for (const DirectionEntry& direction : directions()) {
    const at::Tensor v = direction.make(numbers(z).reshape({n, 3}));
    const at::Tensor moments = v.transpose(0, 1).matmul(v) / n;
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j)
        EXPECT_NEAR(moments[i][j].item<double>(), i == j, 5 * std::sqrt(3.0 / n)) << direction.name;
  }
}

// The same theorem as users meet it: noise of the project, paired over 64 groups of samples, differences of gradients
// within 5 standard errors of 0.
TEST(ScoreMatching, ExpectedGradientsAgreeWithinTheirStandardErrors) {
  constexpr int groups = 64, size = 512;
  const auto sde = some_sde("edm");
  const double t = 0.7;
  const MixtureScore truth = true_law(*sde);
  ScoreFamily family{*sde, predictions()[4], t};
  family.set({0.2, 0.1, -0.2, 0.1});
  const Learner learner = family.learner();
  std::map<std::string, std::vector<at::Tensor>> gradients;
  for (int group = 0; group < groups; ++group) {
    std::vector<std::uint64_t> samples(size);
    std::vector<double> x0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i] = static_cast<std::uint64_t>(group * size) + i;
      const bool first = uniform({.seed = 3, .sample = samples[i]}) < first_weight;
      x0.insert(x0.end(), first ? first_point : second_point, (first ? first_point : second_point) + 2);
    }
    const TrainingItems items{numbers(x0).reshape({-1, 2}), {}};
    const CounterTrainingNoise noise(1, samples, 0, true);
    for (const char* objective : matching_objectives) {
      ObjectiveConfig config = at_one_time(objective, t, "gaussian");
      config.difference_step = 0.01;  // its bias, 1e-4 of the gradient, is far below the standard error
      const auto made = make_objective(config, *sde, &truth);
      gradients[objective].push_back(gradient_of((*made)(learner, items, noise).values.mean(), family));
    }
  }
  const at::Tensor reference = at::stack(gradients.at("esm"));
  for (const auto& [objective, list] : gradients) {
    if (objective == "esm") continue;
    const at::Tensor difference = at::stack(list) - reference;
    const at::Tensor mean = difference.mean(0);
    const at::Tensor error = (difference - mean).square().mean(0).sqrt() / std::sqrt(groups - 1.0);
    for (int k = 0; k < 4; ++k)
      EXPECT_LT(std::abs(mean[k].item<double>()), 5 * error[k].item<double>()) << objective << " parameter " << k;
    EXPECT_LT(largest(error), 0.2 * largest(reference.mean(0))) << objective << ": the test could see nothing";
  }
}

TEST(ScoreMatching, GradientsAreTheDifferenceQuotients) {
  const Cubature cubature;
  const auto sde = some_sde("sub-vp");
  const double t = middle_time(*sde);
  const MixtureScore truth = true_law(*sde);
  for (const char* objective : matching_objectives) {
    const auto made = make_objective(at_one_time(objective, t), *sde, &truth);
    const std::vector<double> here = {0.4, 0.2, -0.3, 0.15};
    ScoreFamily family{*sde, predictions()[0], t};
    const auto loss = [&](const std::vector<double>& values) {
      family.set(values);
      return cubature.mean((*made)(family.learner(), cubature.items(), cubature).values);
    };
    const at::Tensor gradient = gradient_of(loss(here), family);
    constexpr double h = 1e-4;
    for (std::size_t k = 0; k < here.size(); ++k) {
      std::vector<double> above = here, below = here;
      above[k] += h;
      below[k] -= h;
      const double quotient = (loss(above) - loss(below)).item<double>() / (2 * h);
      EXPECT_NEAR(gradient[static_cast<std::int64_t>(k)].item<double>(), quotient, 1e-5) << objective << " " << k;
    }
  }
}

TEST(ScoreMatching, RefusesWhatItCannotDo) {
  const auto sde = some_sde("vp");
  EXPECT_THROW(make_objective(at_one_time("esm", 0.5), *sde), Error);
  EXPECT_THROW(make_objective(at_one_time("ism", 2), *sde), Error);
  EXPECT_THROW(make_objective(at_one_time("ssm", 0.5, "upwards"), *sde), Error);
  const auto ism = make_objective(at_one_time("ism", 0.5), *sde);
  const Learner learner(*sde, predictions()[0], 1, [](const at::Tensor& x, const at::Tensor&) { return -x; });
  const std::vector<std::uint64_t> samples = {0};
  const at::Tensor large = at::empty({1, 300}, at::kDouble).fill_(0.5);
  EXPECT_THROW((*ism)(learner, {large, {}}, CounterTrainingNoise(0, samples, 0, false)), Error);
}

// Validation runs without gradients: the losses are the same numbers and hold no graph.
TEST(ScoreMatching, LossesAreTheSameWithoutGradients) {
  const Cubature cubature;
  const auto sde = some_sde("edm");
  const MixtureScore truth = true_law(*sde);
  for (const char* objective : matching_objectives) {
    const auto made = make_objective(at_one_time(objective, 0.5), *sde, &truth);
    ScoreFamily family{*sde, predictions()[4], 0.5};
    const at::Tensor values = (*made)(family.learner(), cubature.items(), cubature).values;
    const at::NoGradGuard guard;
    const at::Tensor again = (*made)(family.learner(), cubature.items(), cubature).values;
    EXPECT_TRUE(values.requires_grad()) << objective;
    EXPECT_FALSE(again.requires_grad()) << objective;
    EXPECT_TRUE(values.equal(again)) << objective;
  }
}

}  // namespace
}  // namespace scoresde
