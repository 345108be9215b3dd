#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inverse/measurement.h"
#include "sampler/sample.h"
#include "sampler/solver.h"

namespace scoresde {

/// A method of drawing x_0 given a measurement: a solver of which row i knows row i of the measurement.
class RestorationSolver : public Solver {
 public:
  /// Where a run begins, in place of the prior's draw.
  virtual Batch start(const ReverseProcess&, const Batch& prior) { return prior; }
};

/// Settings of all methods; each reads its own, and one that is set and not read is an error.
struct MethodOptions {
  std::string solver, order = "corrected", norm = "distance";
  SolverOptions settings;
  double weight = 1, scale = 1, eta = 0.85, eta_seen = 1, lambda = 7, churn = 0.3, data_std = 0.5;
  double step = 0.2, rho_min = 0.03, rho_max = 1, learning_rate = 0.1, regularisation = 0.25;
  int resamples = 10, jump = 1, inner = 3, iterations = 5, prior_steps = 8, particles = 1;

  static constexpr auto fields() {
    return std::tuple{
        field("solver", &MethodOptions::solver,
              "what carries the samples: see `list solvers`; empty: the method's own"),
        field("settings", &MethodOptions::settings, "of that solver"),
        field("order", &MethodOptions::order,
              "corrected (known values noised from the start, imposed at the level that was reached) or score_sde"),
        field("norm", &MethodOptions::norm,
              "distance (gradient of |y - A x_0|, the authors' code) or squared (of its square, their algorithm 1)"),
        field("weight", &MethodOptions::weight, "of the measurement: lambda of Song et al. 2022, or of guidance",
              {0, 1e6}),
        field("scale", &MethodOptions::scale, "step down the fit's gradient, of an operator of norm 1", {0, 1e6}),
        field("eta", &MethodOptions::eta, "share of fresh noise in what is not measured", {0, 1}),
        field("eta_seen", &MethodOptions::eta_seen, "share of the measurement where it is less noisy than x_t", {0, 1}),
        field("lambda", &MethodOptions::lambda, "weight of the prior in the proximal step", {1e-6, 1e6}),
        field("churn", &MethodOptions::churn, "zeta, share of fresh noise", {0, 1}),
        field("data_std", &MethodOptions::data_std, "deviation of the data in model units", {1e-6, 1e6}),
        field("step", &MethodOptions::step, "Langevin's step in units of sigma^2", {1e-6, 1}),
        field("rho_min", &MethodOptions::rho_min, "last coupling of the Gibbs sampler, a deviation in model units",
              {1e-6, 1e3}),
        field("rho_max", &MethodOptions::rho_max, "first coupling of the Gibbs sampler", {1e-6, 1e6}),
        field("learning_rate", &MethodOptions::learning_rate, "of Adam", {1e-6, 10}),
        field("regularisation", &MethodOptions::regularisation, "weight of the prior's gradient", {0, 1e6}),
        field("resamples", &MethodOptions::resamples, "how often every stretch is gone through", {1, 1000}),
        field("jump", &MethodOptions::jump, "steps of a stretch", {1, 1000}),
        field("inner", &MethodOptions::inner, "Langevin steps a level", {1, 10000}),
        field("iterations", &MethodOptions::iterations, "of conjugate gradients, a J^T v each", {1, 1000}),
        field("prior_steps", &MethodOptions::prior_steps, "of the prior's sampler in a Gibbs iteration", {1, 1000}),
        field("particles", &MethodOptions::particles,
              "weighted chains behind each draw: above 1 the weights of far modes come right", {1, 1000})};
  }
};

/// A row of the table of methods. `make` is Error{usage} for options that contradict each other.
struct MethodEntry {
  std::string_view name, summary;
  std::string_view reads;                         ///< the settings it reads, separated by spaces
  bool linear = true;                             ///< needs a linear operator
  bool spectrum = false;                          ///< needs its singular values
  bool gradient = false;                          ///< needs the derivative of the score (Score::vjp)
  bool closed_form = false;                       ///< needs a MixtureScore
  std::string_view solver;                        ///< its own, where it reads `solver`
  std::string_view grid;                          ///< the time grid it likes best
  int (*count)(int steps, const MethodOptions&);  ///< NFE of `steps` steps with the end
  std::unique_ptr<RestorationSolver> (*make)(const Measurement&, const MethodOptions&);
  int default_nfe = 100;
};
std::span<const MethodEntry> methods();

/// What it needs, in words: "A^T, gradient".
std::string needs_text(const MethodEntry& entry);

/// A method as a user names it, with its settings.
class MethodChoice {
 public:
  /// Error{usage} for an unknown name or a setting that would be ignored.
  MethodChoice(std::string_view name, const MethodOptions& options = {});

  const MethodEntry& entry() const { return *entry_; }
  const MethodOptions& options() const { return options_; }

  bool needs_spectrum() const { return entry_->spectrum || options_.particles > 1; }

  /// Why it cannot serve this operator; empty where it can.
  std::string obstacle(const Operator& op) const;

  /// The number of steps that spends at most `nfe` evaluations a sample; 0: the method's default. Error{usage} where
  /// not even one step does.
  int steps_for(int nfe) const;
  int evaluations(int steps) const { return entry_->count(steps, options_); }

  /// The steps + 1 times from t_max to t_end; may repeat where the method takes equal times.
  std::vector<double> times(const Sde& sde, int steps) const;

 private:
  const MethodEntry* entry_;
  MethodOptions options_;
};

/// Draws one x_0 a row of the measurement, `steps` steps of the method. Row i depends on row i of the measurement and
/// the noise alone. Error{usage} where the method cannot serve the operator (obstacle()). An operator of up to 1024
/// values without a spectrum gets one where the method needs it.
Samples restore(const ReverseProcess& process, const Measurement& measurement, const MethodChoice& method, int steps,
                const std::function<void(const SamplingProgress&)>& progress = {}, bool denoise = true);

}  // namespace scoresde
