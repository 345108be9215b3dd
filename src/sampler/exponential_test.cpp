#include <gtest/gtest.h>

#include <Eigen/LU>
#include <numbers>

#include "sampler/multistep.h"
#include "sampler/test_problem.h"

namespace scoresde {
namespace {

/// The exponential methods against their formulas as published, written out for one number.
class Published : public testing::TestWithParam<std::string> {
 protected:
  const GaussianProblem problem_{GetParam()};
  const CounterNoise noise_{5, {0}, 1};
  const std::vector<double> times_ = [this] {  // unequal steps
    const double first = problem_.sde->log_snr(problem_.sde->t_max()),
                 last = problem_.sde->log_snr(problem_.sde->t_end());
    std::vector<double> times;
    for (const double share : {0.2, 0.27, 0.4, 0.48, 0.6, 0.66})
      times.push_back(problem_.sde->time_at(first + share * (last - first)));
    return times;
  }();
  const double start_ = problem_.mean_at(times_[0]) + 0.7 * std::sqrt(problem_.variance_at(times_[0]));

  double run(std::string_view name, const SolverOptions& options, std::size_t steps) const {
    const auto solver = make_solver(name, options);
    return sample({*problem_.sde, problem_.score, noise_}, *solver, Batch::Constant(1, 1, start_),
                  std::span(times_).first(steps + 1), {.denoise = false, .progress = {}})
        .x(0, 0);
  }

  double alpha(double t) const { return problem_.sde->marginal(t).alpha; }
  double sigma(double t) const { return problem_.sde->marginal(t).sigma; }
  double lambda(double t) const { return problem_.sde->log_snr(t); }
  double noise(double x, double t) const { return sigma(t) * (x - problem_.mean_at(t)) / problem_.variance_at(t); }
  double data(double x, double t) const { return (x - sigma(t) * noise(x, t)) / alpha(t); }
  double normal(std::size_t step, std::uint32_t draw = 0) const {
    return noise_.normal(Purpose::diffusion, {0, 0, static_cast<std::uint32_t>(step)}, draw)(0, 0);
  }
};

INSTANTIATE_TEST_SUITE_P(Sampler, Published, testing::Values("ve", "vp", "sub-vp", "rectified"),
                         [](const auto& info) { return info.param == "sub-vp" ? "sub_vp" : info.param; });

/// Lu et al. (2022a), algorithms 1 and 2 with r_1 = 1/2 and r_1 = 1/3, r_2 = 2/3.
TEST_P(Published, DpmSolver) {
  const double t = times_[0], s = times_[1], h = lambda(s) - lambda(t), x = start_, here = noise(x, t);
  const auto at = [&](double r) { return problem_.sde->time_at(lambda(t) + r * h); };
  const auto ddim = [&](double r) { return alpha(at(r)) / alpha(t) * x - sigma(at(r)) * std::expm1(r * h) * here; };
  EXPECT_NEAR(run("dpm-solver-1", {}, 1), ddim(1), 1e-11);
  const double there = noise(ddim(0.5), at(0.5));
  EXPECT_NEAR(run("dpm-solver-2", {}, 1), ddim(1) - sigma(s) * std::expm1(h) / (2 * 0.5) * (there - here), 1e-11);

  const double r1 = 1.0 / 3, r2 = 2.0 / 3, d1 = noise(ddim(r1), at(r1)) - here;
  const double u2 = ddim(r2) - sigma(at(r2)) * r2 / r1 * (std::expm1(r2 * h) / (r2 * h) - 1) * d1;
  const double d2 = noise(u2, at(r2)) - here;
  EXPECT_NEAR(run("dpm-solver-3", {}, 1), ddim(1) - sigma(s) / r2 * (std::expm1(h) / h - 1) * d2, 1e-10);
}

/// Lu et al. (2022b), algorithms 1 and 2, and section 4's SDE forms.
TEST_P(Published, DpmSolverPlusPlus) {
  const double t = times_[0], s = times_[1], v = times_[2], h = lambda(s) - lambda(t), g = lambda(v) - lambda(s);
  const double middle = problem_.sde->time_at(lambda(t) + 0.5 * h), d = data(start_, t);
  const double u = sigma(middle) / sigma(t) * start_ - alpha(middle) * std::expm1(-0.5 * h) * d;
  EXPECT_NEAR(run("dpm++2s", {}, 1), sigma(s) / sigma(t) * start_ - alpha(s) * std::expm1(-h) * data(u, middle), 1e-11);

  const double x1 = sigma(s) / sigma(t) * start_ - alpha(s) * std::expm1(-h) * d, d1 = data(x1, s);
  const double extrapolated = (1 + g / (2 * h)) * d1 - g / (2 * h) * d;
  EXPECT_NEAR(run("dpm++2m", {}, 2), sigma(v) / sigma(s) * x1 - alpha(v) * std::expm1(-g) * extrapolated, 1e-11);

  const double y1 = sigma(s) / sigma(t) * std::exp(-h) * start_ - alpha(s) * std::expm1(-2 * h) * d +
                    sigma(s) * std::sqrt(-std::expm1(-2 * h)) * normal(0);
  EXPECT_NEAR(run("dpm++1-sde", {}, 1), y1, 1e-11);
  const double e1 = data(y1, s);
  EXPECT_NEAR(run("dpm++2m-sde", {}, 2),
              sigma(v) / sigma(s) * std::exp(-g) * y1 - alpha(v) * std::expm1(-2 * g) * (e1 + g / (2 * h) * (e1 - d)) +
                  sigma(v) * std::sqrt(-std::expm1(-2 * g)) * normal(1),
              1e-10);

  const double n0 = noise(start_, t);
  const double z1 = alpha(s) / alpha(t) * start_ - 2 * sigma(s) * std::expm1(h) * n0 +
                    sigma(s) * std::sqrt(std::expm1(2 * h)) * normal(0);
  EXPECT_NEAR(run("dpm-solver-1", {.eta = 1}, 1), z1, 1e-10);
  const double n1 = noise(z1, s);
  EXPECT_NEAR(run("dpm-solver-2m-sde", {}, 2),
              alpha(v) / alpha(s) * z1 - 2 * sigma(v) * std::expm1(g) * (n1 + g / (2 * h) * (n1 - n0)) +
                  sigma(v) * std::sqrt(std::expm1(2 * g)) * normal(1),
              1e-9);
}

/// Liu et al. (2022), eq. 12, in the transfer of DDIM, with the warm-up of Zhang & Chen (2023).
TEST_P(Published, Ipndm) {
  const std::vector<std::vector<double>> weights = {
      {1}, {1.5, -0.5}, {23. / 12, -16. / 12, 5. / 12}, {55. / 24, -59. / 24, 37. / 24, -9. / 24}};
  double x = start_;
  std::vector<double> known;
  for (std::size_t k = 0; k < 5; ++k) {
    known.insert(known.begin(), noise(x, times_[k]));
    double mean = 0;
    const auto& w = weights[std::min<std::size_t>(k, 3)];
    for (std::size_t j = 0; j < w.size(); ++j) mean += w[j] * known[j];
    const double t = times_[k], s = times_[k + 1];
    x = alpha(s) * (x / alpha(t) + (sigma(s) / alpha(s) - sigma(t) / alpha(t)) * mean);
    EXPECT_NEAR(run("ipndm", {}, k + 1), x, 1e-10) << k;
  }
}

/// Zhao et al. (2023), algorithms 5 to 8 in data prediction: the linear systems of order p for predictor and corrector,
/// solved but for the first of each, which is 1/2. The state after a step is the predictor's.
class PublishedUniPC {
 public:
  PublishedUniPC(bool bh1, std::vector<double> lambdas, std::vector<double> data, double h)
      : hh_(-h), b_h_(bh1 ? -h : std::expm1(-h)), data_(std::move(data)) {
    for (std::size_t i = 1; i < lambdas.size(); ++i) r_.push_back((lambdas[i] - lambdas[0]) / h);
    r_.push_back(1);
  }

  /// What stands behind the first order term, to be multiplied by -alpha_t: predicted, or corrected with m at s.
  double predicted() const {
    const std::size_t count = r_.size() - 1;
    if (count == 0) return 0;
    return b_h_ * sum(count == 1 ? Eigen::VectorXd::Constant(1, 0.5) : solved(count), 0);
  }
  double corrected(double m) const {
    const std::size_t count = r_.size();
    return b_h_ * sum(count == 1 ? Eigen::VectorXd::Constant(1, 0.5) : solved(count), m - data_[0]);
  }

 private:
  Eigen::VectorXd solved(std::size_t count) const {
    const auto n = static_cast<Index>(count);
    Eigen::MatrixXd system(n, n);
    Eigen::VectorXd right(n);
    double phi = std::expm1(hh_) / hh_ - 1, factorial = 1;
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) system(i, j) = std::pow(r_[static_cast<std::size_t>(j)], static_cast<double>(i));
      right(i) = phi * factorial / b_h_;
      factorial *= static_cast<double>(i) + 2;
      phi = phi / hh_ - 1 / factorial;
    }
    return system.fullPivLu().solve(right);
  }

  double sum(const Eigen::VectorXd& rho, double last) const {
    double result = 0;
    for (Index j = 0; j < rho.size(); ++j) {
      const auto at = static_cast<std::size_t>(j);
      result += rho(j) * (at + 1 < data_.size() ? (data_[at + 1] - data_[0]) / r_[at] : last);
    }
    return result;
  }

  double hh_, b_h_;
  std::vector<double> r_, data_;
};

TEST_P(Published, UniPC) {
  for (const bool bh1 : {false, true})
    for (const std::size_t order : {1u, 2u, 3u}) {
      double corrected = start_, predicted = start_;
      std::vector<double> lambdas, known;
      for (std::size_t k = 0; k < 5; ++k) {
        const double t = times_[k], s = times_[k + 1], h = lambda(s) - lambda(t);
        lambdas.insert(lambdas.begin(), lambda(t));
        known.insert(known.begin(), data(predicted, t));
        lambdas.resize(std::min(lambdas.size(), order));
        known.resize(std::min(known.size(), order));
        const PublishedUniPC uni(bh1, lambdas, known, h);
        const double base = sigma(s) / sigma(t) * corrected - alpha(s) * std::expm1(-h) * known[0];
        predicted = base - alpha(s) * uni.predicted();
        corrected = base - alpha(s) * uni.corrected(data(predicted, s));
        const SolverOptions options{.order = static_cast<int>(order), .unipc_b = bh1 ? "bh1" : "bh2"};
        EXPECT_NEAR(run("unipc", options, k + 1), predicted, 1e-9)
            << order << (bh1 ? " bh1, step " : " bh2, step ") << k;
      }
    }
}

/// Xue et al. (2023), eqs. 14 and 17: with tau = eta the corrector sees the noise that the predictor drew.
TEST_P(Published, SaSolverOfFirstOrder) {
  const double tau = 0.8, square = tau * tau, t = times_[0], s = times_[1], v = times_[2];
  const double h = lambda(s) - lambda(t), g = lambda(v) - lambda(s), rate = 1 + square, d = data(start_, t);
  const auto keep = [&](double from, double to, double x, double step) {
    return sigma(to) / sigma(from) * std::exp(-square * step) * x;
  };
  const double linear = keep(t, s, start_, h) + sigma(s) * std::sqrt(-std::expm1(-2 * square * h)) * normal(0);
  const double predicted = linear - alpha(s) * std::expm1(-rate * h) * d, there = data(predicted, s);
  // int_0^h rate e^(-rate (h - u)) u / h du
  const double share = 1 + std::expm1(-rate * h) / (rate * h);
  const double corrected = linear - alpha(s) * std::expm1(-rate * h) * d + alpha(s) * share * (there - d);
  const SolverOptions options{.eta = tau, .order = 1};
  EXPECT_NEAR(run("sa-solver", options, 1), predicted, 1e-11);
  EXPECT_NEAR(run("sa-solver", options, 2),
              keep(s, v, corrected, g) - alpha(v) * std::expm1(-rate * g) * there +
                  sigma(v) * std::sqrt(-std::expm1(-2 * square * g)) * normal(1),
              1e-10);
}

TEST_P(Published, MembersThatAreTheSameAgree) {
  EXPECT_NEAR(run("unipc", {.order = 2}, 1), run("dpm++2m", {}, 1), 1e-11);
  EXPECT_NEAR(run("dpm++1-sde", {.eta = 0}, 5), run("ddim", {}, 5), 1e-10);
  EXPECT_NEAR(run("dpm++1-sde", {}, 5), run("ddim", {.eta = 1}, 5), 1e-10);
  EXPECT_NEAR(run("dpm++1-sde", {}, 5), run("ancestral", {}, 5), 1e-10);
  EXPECT_NEAR(run("dpm++2m-sde", {.eta = 0}, 5), run("dpm++2m", {}, 5), 1e-10);
  EXPECT_NEAR(run("dpm++2m-sde", {.eta_min = 1e-9, .eta_max = 2e-9}, 5), run("dpm++2m", {}, 5), 1e-10);
  EXPECT_NEAR(run("dpm++3m-sde", {.eta = 0}, 5), run("dpm++3m", {}, 5), 1e-10);
  EXPECT_NEAR(run("dpm++2s-sde", {.eta = 0}, 5), run("dpm++2s", {}, 5), 1e-10);
  EXPECT_NEAR(run("restart", {.restarts = 0}, 5), run("edm-heun", {}, 5), 1e-10);
  EXPECT_NEAR(run("deis", {.order = 1}, 5), run("ddim", {}, 5), 1e-10);
}

}  // namespace
}  // namespace scoresde
