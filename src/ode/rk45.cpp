#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/sum.h"
#include "ode/ode.h"

namespace scoresde {
namespace {

// Dormand and Prince (1980), the pair RK5(4)7M. The last stage is taken at the new point with the weights of the fifth
// order solution, so it is the first stage of the next step (FSAL).
constexpr int kRk45Stages = 7;
constexpr std::array<double, kRk45Stages> kRk45Nodes = {0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1};
constexpr double kRk45Couplings[kRk45Stages][kRk45Stages - 1] = {
    {},
    {1. / 5},
    {3. / 40, 9. / 40},
    {44. / 45, -56. / 15, 32. / 9},
    {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
    {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
    {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}};
// Fifth order minus fourth order weights, with scipy's sign.
constexpr std::array<double, kRk45Stages> kRk45ErrorWeights = {-71. / 57600,    0,          71. / 16695, -71. / 1920,
                                                               17253. / 339200, -22. / 525, 1. / 40};

constexpr double kRk45Safety = 0.9, kRk45LeastFactor = 0.2, kRk45MostFactor = 10;
constexpr double kRk45ErrorExponent = -1. / 5;

Batch picked_rows(const Batch& x, const std::vector<Index>& rows) { return x(rows, Eigen::all); }

double least_rk45_step(double t, double direction) {
  return 10 * std::abs(std::nextafter(t, direction * std::numeric_limits<double>::infinity()) - t);
}

/// The rows that are still under way, closed up: row k here is row rows[k] of the caller's batch.
class DormandPrince {
 public:
  DormandPrince(const Velocity& velocity, const Batch& x, double t, double s, const OdeOptions& options)
      : velocity_(velocity),
        options_(options),
        end_(s),
        direction_(s > t ? 1 : -1),
        rtol_(std::max(options.rtol, 100 * std::numeric_limits<double>::epsilon())),
        x_(x),
        t_(times_of(x.rows(), t)),
        tried_(static_cast<std::size_t>(x.rows()), 0) {
    result_.x = x;
    result_.evaluations.assign(static_cast<std::size_t>(x.rows()), 0);
    result_.rejected.assign(static_cast<std::size_t>(x.rows()), 0);
    result_.converged.assign(static_cast<std::size_t>(x.rows()), true);
    rows_.resize(static_cast<std::size_t>(x.rows()));
    for (Index i = 0; i < x.rows(); ++i) rows_[static_cast<std::size_t>(i)] = i;
  }

  OdeResult run() {
    if (x_.size() == 0 || end_ == t_(0)) return std::move(result_);
    f_ = evaluate(x_, t_);
    size_ = options_.first_step > 0 ? Times::Constant(x_.rows(), options_.first_step).eval() : first_step();
    for (Index i = 0; i < x_.rows(); ++i) size_(i) = std::max(size_(i), least_rk45_step(t_(i), direction_));
    while (x_.rows() > 0) attempt();
    return std::move(result_);
  }

 private:
  Batch evaluate(const Batch& x, const Times& t) {
    for (const Index row : rows_) ++result_.evaluations[static_cast<std::size_t>(row)];
    return velocity_(x, t, rows_);
  }

  /// Root mean square of the values of each row; of all rows together where they are one system.
  Times norm(const Batch& scaled) const {
    Times mean_square = row_sum(scaled.square()) / static_cast<double>(scaled.cols());
    if (options_.one_system) mean_square.setConstant(ordered_mean(mean_square));
    return mean_square.sqrt();
  }

  /// Hairer, Norsett, Wanner (1993), Solving ODEs I, II.4: a step whose Euler increment and second derivative are small
  /// beside the tolerance; never longer than the interval.
  Times first_step() {
    const double length = std::abs(end_ - t_(0));
    const Batch scale = options_.atol + rtol_ * x_.abs();
    const Times size = norm(x_ / scale), slope = norm(f_ / scale);
    Times h0(x_.rows()), h(x_.rows());
    for (Index i = 0; i < x_.rows(); ++i)
      h0(i) = std::min(size(i) < 1e-5 || slope(i) < 1e-5 ? 1e-6 : 0.01 * size(i) / slope(i), length);
    const Batch ahead = evaluate(x_ + f_.colwise() * (direction_ * h0), t_ + direction_ * h0);
    const Times curvature = norm((ahead - f_) / scale) / h0;
    for (Index i = 0; i < x_.rows(); ++i) {
      const double h1 = slope(i) <= 1e-15 && curvature(i) <= 1e-15
                            ? std::max(1e-6, 1e-3 * h0(i))
                            : std::pow(0.01 / std::max(slope(i), curvature(i)), -kRk45ErrorExponent);
      h(i) = std::min({100 * h0(i), h1, length});
    }
    return h;
  }

  /// One step of every row that is under way, kept where its error is small enough.
  void attempt() {
    Times h(x_.rows()), t_new(x_.rows());
    for (Index i = 0; i < x_.rows(); ++i) {
      t_new(i) = t_(i) + direction_ * size_(i);
      if (direction_ * (t_new(i) - end_) > 0) t_new(i) = end_;
      h(i) = t_new(i) - t_(i);
    }
    std::array<Batch, kRk45Stages> k;
    k[0] = f_;
    Batch x_new;
    for (int stage = 1; stage < kRk45Stages; ++stage) {
      Batch sum = kRk45Couplings[stage][0] * k[0];
      for (int j = 1; j < stage; ++j)
        if (kRk45Couplings[stage][j] != 0) sum += kRk45Couplings[stage][j] * k[static_cast<std::size_t>(j)];
      x_new = x_ + sum.colwise() * h;
      k[static_cast<std::size_t>(stage)] = evaluate(
          x_new, stage == kRk45Stages - 1 ? t_new : (t_ + kRk45Nodes[static_cast<std::size_t>(stage)] * h).eval());
    }
    Batch error = kRk45ErrorWeights[0] * k[0];
    for (std::size_t j = 2; j < kRk45Stages; ++j) error += kRk45ErrorWeights[j] * k[j];
    const Times ratio = norm((error.colwise() * h) / (options_.atol + rtol_ * x_.abs().max(x_new.abs())));
    settle(ratio, h.abs(), t_new, x_new, k[kRk45Stages - 1]);
  }

  /// Keeps or repeats the step of each row, chooses its next size, and takes out the rows that are done.
  void settle(const Times& ratio, const Times& h, const Times& t_new, const Batch& x_new, const Batch& f_new) {
    std::vector<Index> going_on;
    for (Index i = 0; i < x_.rows(); ++i) {
      const auto row = static_cast<std::size_t>(rows_[static_cast<std::size_t>(i)]);
      auto& tried = tried_[static_cast<std::size_t>(i)];
      const double factor = kRk45Safety * std::pow(ratio(i), kRk45ErrorExponent);
      bool stuck = false;
      if (ratio(i) < 1) {  // false for NaN too: a step into a pole is tried again smaller
        size_(i) = h(i) * std::min(factor, tried > 0 ? 1 : kRk45MostFactor);
        tried = 0;
        t_(i) = t_new(i);
        x_.row(i) = x_new.row(i);
        f_.row(i) = f_new.row(i);
        size_(i) = std::max(size_(i), least_rk45_step(t_(i), direction_));
      } else {
        size_(i) = h(i) * (factor > kRk45LeastFactor ? factor : kRk45LeastFactor);
        ++tried;
        ++result_.rejected[row];
        stuck = !(size_(i) >= least_rk45_step(t_(i), direction_));  // a first velocity of NaN gives a size of NaN
      }
      const bool done = t_(i) == end_;
      stuck = stuck || (!done && ++attempts_of(row) >= options_.most_steps);
      if (done || stuck) {
        result_.x.row(static_cast<Index>(row)) = x_.row(i);
        result_.converged[row] = done;
      } else {
        going_on.push_back(i);
      }
    }
    if (going_on.size() < rows_.size()) close_up(going_on);
  }

  std::uint32_t& attempts_of(std::size_t row) {
    if (attempts_.empty()) attempts_.assign(result_.converged.size(), 0);
    return attempts_[row];
  }

  void close_up(const std::vector<Index>& going_on) {
    const Batch x = picked_rows(x_, going_on), f = picked_rows(f_, going_on);
    x_ = x;
    f_ = f;
    const Times t = t_(going_on), size = size_(going_on);
    t_ = t;
    size_ = size;
    for (std::size_t k = 0; k < going_on.size(); ++k) {
      rows_[k] = rows_[static_cast<std::size_t>(going_on[k])];
      tried_[k] = tried_[static_cast<std::size_t>(going_on[k])];
    }
    rows_.resize(going_on.size());
    tried_.resize(going_on.size());
  }

  const Velocity& velocity_;
  const OdeOptions& options_;
  double end_, direction_, rtol_;
  Batch x_, f_;
  Times t_, size_;
  std::vector<std::uint32_t> tried_;     // rejections of the present step
  std::vector<std::uint32_t> attempts_;  // a row of the caller's batch
  std::vector<Index> rows_;
  OdeResult result_;
};

}  // namespace

OdeResult integrate_rk45(const Velocity& velocity, const Batch& x, double t, double s, const OdeOptions& options) {
  if (!(options.rtol >= 0 && options.atol >= 0 && options.rtol + options.atol > 0))
    fail(Failure::usage, "tolerances rtol = {}, atol = {} must be at least 0 and not both 0", options.rtol,
         options.atol);
  return DormandPrince(velocity, x, t, s, options).run();
}

}  // namespace scoresde
