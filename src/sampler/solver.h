#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/noise.h"
#include "score/score.h"
#include "sde/sde.h"

namespace scoresde {

/// What a solver works on: the SDE whose reverse is solved, its score, and the noise it may use.
struct ReverseProcess {
  const Sde& sde;
  const Score& score;
  const NoiseSource& noise;
};

/// What an adaptive method says of its last step, a row.
struct AdaptiveReport {
  std::vector<std::uint32_t> evaluations;
  std::vector<bool> converged;
};

/// One method of going from x_t to x_s, s < t. A method may keep history, which `begin` forgets; an object serves one
/// run at a time.
class Solver {
 public:
  virtual ~Solver() = default;

  /// A new run over these falling times. For methods with history, or whose coefficients depend on the whole grid.
  virtual void begin(std::span<const double> times);

  /// x: rows x D at time interval.t; result: at time interval.s. Row i of the result depends on row i alone.
  virtual Batch step(const ReverseProcess& process, const Batch& x, const Interval& interval) = 0;

  /// The noise-free estimate of x_0 with which a run may end at time t: Tweedie's formula, one evaluation, unless the
  /// method has its own.
  virtual Batch denoise(const ReverseProcess& process, const Batch& x, double t);

  /// Whether an interval of length 0 means anything to it; multistep methods divide by its length.
  virtual bool takes_equal_times() const { return false; }

  /// Only of methods that spend different numbers of evaluations on different rows.
  virtual const AdaptiveReport* adaptive() const { return nullptr; }

  /// Only of methods that propose: the share of proposals accepted in the last step, a row.
  virtual const Times* acceptance() const { return nullptr; }
};

/// Settings of all solvers; each reads its own, and one that is set and not read is an error.
struct SolverOptions {
  double eta = -1, eta_min = 0, eta_max = 1e30;
  int order = 0;
  double snr = 0.16, langevin_step = 0.1, churn = 0, churn_min = 0, churn_max = 1e30, churn_noise = 1;
  int corrector_steps = 1, restarts = 2, restart_steps = 0, scales = 0;
  double restart_min = 0.05, restart_max = 0.3;
  double rtol = 1e-5, atol = 1e-5, tolerance = 0.01;
  bool analytic_first = false;
  std::string variance = "posterior", unipc_b = "bh2", acceptance = "line", compatibility = "none";

  static constexpr auto fields() {
    return std::tuple{
        field("eta", &SolverOptions::eta, "share of fresh noise, 0 is deterministic; -1: the method's own", {-1, 10}),
        field("eta_min", &SolverOptions::eta_min, "smallest sigma/alpha at which eta counts; it is 0 below", {0, 1e30}),
        field("eta_max", &SolverOptions::eta_max, "largest sigma/alpha at which eta counts; it is 0 above", {0, 1e30}),
        field("order", &SolverOptions::order, "estimates a multistep method looks at; 0: the method's own", {0, 6}),
        field("unipc_b", &SolverOptions::unipc_b, "B(h) of UniPC: bh1 (h) or bh2 (e^h - 1)"),
        field("variance", &SolverOptions::variance,
              "posterior (of x_s given x_t and x_0) or forward (of x_t given x_s)"),
        field("snr", &SolverOptions::snr, "signal-to-noise ratio r of a corrector step", {0, 10}),
        field("corrector_steps", &SolverOptions::corrector_steps, "corrector steps a time", {1, 10000}),
        field("langevin_step", &SolverOptions::langevin_step, "Langevin's step size in units of sigma^2", {1e-12, 1e6}),
        field("acceptance", &SolverOptions::acceptance,
              "what Metropolis compares: line (the score integrated from x to its proposal) or density (of the score)"),
        field("churn", &SolverOptions::churn, "S_churn of Karras et al. 2022, algorithm 2", {0, 1e6}),
        field("churn_min", &SolverOptions::churn_min, "S_tmin, smallest sigma/alpha that is churned", {0, 1e30}),
        field("churn_max", &SolverOptions::churn_max, "S_tmax, largest sigma/alpha that is churned", {0, 1e30}),
        field("churn_noise", &SolverOptions::churn_noise, "S_noise", {0, 10}),
        field("restarts", &SolverOptions::restarts, "how often the restart interval is run again", {0, 1000}),
        field("restart_steps", &SolverOptions::restart_steps, "steps of a restart; 0: a quarter of the run's",
              {0, 10000}),
        field("restart_min", &SolverOptions::restart_min, "sigma/alpha from which a restart goes back up", {0, 1e30}),
        field("restart_max", &SolverOptions::restart_max, "sigma/alpha to which a restart goes up", {0, 1e30}),
        field("rtol", &SolverOptions::rtol, "relative tolerance", {1e-13, 1}),
        field("atol", &SolverOptions::atol, "absolute tolerance", {1e-13, 1}),
        field("tolerance", &SolverOptions::tolerance, "largest error of a step of an SDE, in units of alpha + |x|",
              {1e-10, 1}),
        field("analytic_first", &SolverOptions::analytic_first,
              "the first evaluation is the prior's score, for nothing (Dockhorn et al. 2022)"),
        field("compatibility", &SolverOptions::compatibility,
              "none; score_sde: order, discrete tables, batch-mean Langevin norms and index rule of the reference; "
              "score_sde-nearest: the same with tables read at the nearest index"),
        field("scales", &SolverOptions::scales, "compatibility: N of the discrete tables; 0: the number of steps",
              {0, 1000000})};
  }
};

/// A row of the table of solvers. `make` is Error{usage} for options that contradict each other.
struct SolverEntry {
  std::string_view name, summary;
  double order;             ///< weak order for stochastic, global order for deterministic methods; 0: has none
  std::string_view reads;   ///< the names of the settings that it reads, separated by spaces
  bool stochastic = false;  ///< with its default options
  bool corrector = false;   ///< moves within one time level: for the right side of predictor+corrector
  bool adaptive = false;    ///< chooses its own steps: NFE differ between samples and cannot be ordered
  std::string_view grid;    ///< the time grid it likes best
  int (*count)(int steps, const SolverOptions&);  ///< NFE of `steps` steps, final denoising not counted
  std::unique_ptr<Solver> (*make)(const SolverOptions&);
  std::unique_ptr<Solver> (*make_reference)(const SolverOptions&) = nullptr;  ///< as in score_sde; null: it has none

  bool reads_setting(std::string_view setting) const;
};
std::span<const SolverEntry> solvers();

/// A solver as a user names it: a row of the table, or two rows "predictor+corrector". A corrector alone stands for
/// "none+corrector".
class SolverChoice {
 public:
  /// Error{usage} for unknown names (with the nearest known), a corrector on the left, a predictor on the right,
  /// compatibility with a reference that lacks the method, and a setting that would be ignored (it names the solvers
  /// that read it).
  SolverChoice(std::string_view name, const SolverOptions& options);

  std::unique_ptr<Solver> make() const;

  const std::string& name() const { return name_; }
  const SolverOptions& options() const { return options_; }
  const SolverEntry& predictor() const { return *predictor_; }
  const SolverEntry* corrector() const { return corrector_; }  ///< null: none
  bool adaptive() const { return predictor_->adaptive; }

  /// Whether it draws fresh noise on its way with these options.
  bool stochastic() const;

  bool reference() const { return options_.compatibility != "none"; }

  /// NFE a sample of `steps` steps, the final denoising included where `denoise`. Meaningless for adaptive methods.
  int evaluations(int steps, bool denoise) const;

  /// The least number of steps that spends `nfe` evaluations a sample or more. Error{usage} for methods whose number of
  /// evaluations does not depend on it: adaptive ones, and `none`.
  int steps_for_at_least(int nfe, bool denoise) const;

  /// The number of steps that spends exactly `nfe` evaluations a sample. Error{usage} names the possible numbers near
  /// `nfe` where there is none.
  int steps_for(int nfe, bool denoise) const;

  /// The grid that times() takes by default: the method's own, but karras in place of uniform where the noise overtakes
  /// the data early in t (edm, ou, a table like them). "uniform" with compatibility.
  std::string_view grid(const Sde& sde) const;

  /// The steps + 1 times from sde.t_max() to sde.t_end(), on grid(sde) unless `grid` names another. Adaptive methods
  /// get the two ends. With compatibility: the reference's linspace(t_max, t_end, steps), whose last step stays at
  /// t_end.
  std::vector<double> times(const Sde& sde, int steps, std::string_view grid = "") const;

 private:
  bool reads(std::string_view setting) const;
  bool may_skip_first() const;
  void refuse_unread() const;

  std::string name_;
  SolverOptions options_;
  const SolverEntry* predictor_;
  const SolverEntry* corrector_ = nullptr;
};

/// SolverChoice(name, options).make().
std::unique_ptr<Solver> make_solver(std::string_view name, const SolverOptions& options = {});

/// Corrector after predictor, as in algorithm 1 of Song et al. (2021): the predictor goes t -> s, the corrector moves
/// at s. Both are told the same interval. `corrector_first`: the order of their code.
std::unique_ptr<Solver> predictor_corrector(std::unique_ptr<Solver> predictor, std::unique_ptr<Solver> corrector,
                                            bool corrector_first = false);

/// A solver whose first evaluation is answered by the prior's score, -x / prior_std^2, and so is not made (the analytic
/// first step of Dockhorn et al. 2022).
std::unique_ptr<Solver> analytic_first_step(std::unique_ptr<Solver> solver);

}  // namespace scoresde
