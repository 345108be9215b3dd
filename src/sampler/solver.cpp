#include "sampler/solver.h"

#include <algorithm>

#include "core/catalog.h"
#include "sampler/reference.h"
#include "sde/grid.h"

namespace scoresde {
namespace {

bool is_solver(std::string_view name) {
  return std::any_of(solvers().begin(), solvers().end(), [&](const SolverEntry& entry) { return entry.name == name; });
}

/// Where predictor+corrector divides. Names may hold a '+' themselves (dpm++2m), so a misspelt one is not divided.
std::size_t plus_of(std::string_view name) {
  const std::size_t plus = name.rfind('+');
  if (plus == std::string_view::npos || is_solver(name)) return std::string_view::npos;
  return is_solver(name.substr(0, plus)) || is_solver(name.substr(plus + 1)) ? plus : std::string_view::npos;
}

}  // namespace

void Solver::begin(std::span<const double>) {}

Batch Solver::denoise(const ReverseProcess& p, const Batch& x, double t) {
  return scoresde::denoise(p.sde, p.score, x, times_of(x.rows(), t));
}

SolverChoice::SolverChoice(std::string_view name, const SolverOptions& options) : name_(name), options_(options) {
  if (options.compatibility != "none" && options.compatibility != "score_sde")
    fail(Failure::usage, "compatibility = {} must be none or score_sde", options.compatibility);
  const std::size_t plus = plus_of(name);
  predictor_ = &find_entry("solver", solvers(), name.substr(0, plus));
  if (plus != std::string_view::npos) {
    corrector_ = &find_entry("solver", solvers(), name.substr(plus + 1));
    if (predictor_->corrector)
      fail(Failure::usage, "solver {}: {} is a corrector, it belongs behind the '+'", name, predictor_->name);
    if (!corrector_->corrector && corrector_->name != "none")
      fail(Failure::usage, "solver {}: {} is no corrector", name, corrector_->name);
    if (predictor_->adaptive)
      fail(Failure::usage, "solver {}: {} chooses its own steps and takes no corrector", name, predictor_->name);
  } else if (predictor_->corrector) {
    corrector_ = predictor_;
    predictor_ = &find_entry("solver", solvers(), "none");
  }
  if (corrector_ && corrector_->name == "none") corrector_ = nullptr;
  for (const SolverEntry* entry : {predictor_, corrector_})
    if (reference() && entry && !entry->make_reference)
      fail(Failure::usage, "compatibility = score_sde: the reference has no solver {}", entry->name);
}

std::unique_ptr<Solver> SolverChoice::make() const {
  const auto made = [&](const SolverEntry& entry) {
    return reference() ? entry.make_reference(options_) : entry.make(options_);
  };
  if (!corrector_) return made(*predictor_);
  return reference() ? reference_predictor_corrector(made(*predictor_), made(*corrector_))
                     : predictor_corrector(made(*predictor_), made(*corrector_));
}

int SolverChoice::evaluations(int steps, bool denoise) const {
  return predictor_->count(steps, options_) + (corrector_ ? corrector_->count(steps, options_) : 0) +
         (denoise && !reference() ? 1 : 0);
}

int SolverChoice::steps_for(int nfe, bool denoise) const {
  if (adaptive())
    fail(Failure::usage, "solver {} chooses its own number of evaluations: set its tolerance (rtol, atol) instead",
         name_);
  if (evaluations(2, denoise) == evaluations(1, denoise))
    fail(Failure::usage, "solver {} evaluates nothing, so no number of steps makes {} evaluations", name_, nfe);
  int steps = 1;
  while (evaluations(steps, denoise) < nfe) ++steps;
  const int above = evaluations(steps, denoise);
  if (above == nfe) return steps;
  const std::string near = steps == 1 ? fmt::format("the least is {}", above)
                                      : fmt::format("{} and {} are", evaluations(steps - 1, denoise), above);
  fail(Failure::usage, "solver {}{} cannot make exactly {} evaluations; {}{}", name_,
       denoise && !reference() ? " with the final denoising" : "", nfe, near, steps == 1 ? "" : " possible");
}

bool SolverChoice::stochastic() const {
  if (corrector_) return true;
  return predictor_->takes_eta && options_.eta >= 0 ? options_.eta > 0 : predictor_->stochastic;
}

std::string_view SolverChoice::grid(const Sde& sde) const {
  if (reference()) return "uniform";
  // Equal steps waste nearly all of them where sigma = t (one step for everything below sigma_max / N) or where the
  // time is long. Euler-Maruyama with 50 steps on data N(0.2, 0.5^2), relative error of the law: edm 590 % with
  // uniform, 5 % with karras; ou 9.5 % and 5.8 %. On the SDEs of the paper uniform is the better one.
  const bool wasteful = sde.name() == "edm" || sde.name() == "ou";
  return predictor_->grid == "uniform" && wasteful ? "karras" : predictor_->grid;
}

std::vector<double> SolverChoice::times(const Sde& sde, int steps, std::string_view grid) const {
  if (steps < 1) fail(Failure::usage, "sampling needs at least 1 step, not {}", steps);
  if (adaptive()) return {sde.t_max(), sde.t_end()};
  if (reference()) return reference_times(sde.t_max(), sde.t_end(), steps);
  return make_grid(grid.empty() ? this->grid(sde) : grid, sde, sde.t_max(), sde.t_end(), steps);
}

std::unique_ptr<Solver> make_solver(std::string_view name, const SolverOptions& options) {
  return SolverChoice(name, options).make();
}

}  // namespace scoresde
