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

void check_named(std::string_view setting, std::string_view value, const std::vector<std::string_view>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end())
    fail(Failure::usage, "{} = {} must be one of {}", setting, value, join(allowed));
}

/// "langevin, annealed-langevin do", or what else a setting needs.
std::string readers_of(std::string_view setting) {
  if (setting == "scales") return "it belongs to compatibility with the reference";
  if (setting == "analytic_first") return "it needs a method of fixed steps that evaluates at t_max";
  std::vector<std::string_view> names;
  for (const SolverEntry& entry : solvers())
    if (entry.reads_setting(setting)) names.push_back(entry.name);
  return join(names) + (names.size() == 1 ? " does" : " do");
}

}  // namespace

bool SolverEntry::reads_setting(std::string_view setting) const {
  const std::vector<std::string> words = split(reads, ' ');
  return std::find(words.begin(), words.end(), setting) != words.end();
}

void Solver::begin(std::span<const double>) {}

Batch Solver::denoise(const ReverseProcess& p, const Batch& x, double t) {
  return scoresde::denoise(p.sde, p.score, x, times_of(x.rows(), t));
}

SolverChoice::SolverChoice(std::string_view name, const SolverOptions& options) : name_(name), options_(options) {
  check_named("compatibility", options.compatibility, {"none", "score_sde", "score_sde-nearest"});
  check_named("variance", options.variance, {"posterior", "forward"});
  check_named("unipc_b", options.unipc_b, {"bh1", "bh2"});
  check_named("acceptance", options.acceptance, {"line", "density"});
  if (options.eta < 0 && options.eta != -1)
    fail(Failure::usage, "eta = {} must be at least 0, or -1 for the method's own", options.eta);
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
      fail(Failure::usage, "compatibility = {}: the reference has no solver {}", options.compatibility, entry->name);
  refuse_unread();
  if (reference() && options.eta > 0 && options.eta != 1)
    fail(Failure::usage, "compatibility = {}: the reference has eta = 0 and eta = 1 only, not {}",
         options.compatibility, options.eta);
}

void SolverChoice::refuse_unread() const {
  const Json defaults = to_json(SolverOptions{}), settings = to_json(options_);
  for (const auto& [setting, value] : settings.items()) {
    if (value == defaults[setting] || setting == "compatibility") continue;
    if (setting == "scales" ? reference() : setting == "analytic_first" ? may_skip_first() : reads(setting)) continue;
    fail(Failure::usage, "{} = {}: solver {} does not read it; {}", setting, shown(value), name_, readers_of(setting));
  }
}

bool SolverChoice::reads(std::string_view setting) const {
  return predictor_->reads_setting(setting) || (corrector_ && corrector_->reads_setting(setting));
}

bool SolverChoice::may_skip_first() const { return !reference() && !adaptive() && predictor_->count(1, options_) > 0; }

std::unique_ptr<Solver> SolverChoice::make() const {
  const auto made = [&](const SolverEntry& entry) {
    return reference() ? entry.make_reference(options_) : entry.make(options_);
  };
  auto solver = corrector_ ? predictor_corrector(made(*predictor_), made(*corrector_), reference()) : made(*predictor_);
  return options_.analytic_first ? analytic_first_step(std::move(solver)) : std::move(solver);
}

int SolverChoice::evaluations(int steps, bool denoise) const {
  return predictor_->count(steps, options_) + (corrector_ ? corrector_->count(steps, options_) : 0) +
         (denoise && !reference() ? 1 : 0) - (options_.analytic_first ? 1 : 0);
}

int SolverChoice::steps_for_at_least(int nfe, bool denoise) const {
  if (adaptive())
    fail(Failure::usage, "solver {} chooses its own number of evaluations: set its tolerance ({}) instead", name_,
         predictor_->reads);
  if (evaluations(2, denoise) == evaluations(1, denoise))
    fail(Failure::usage, "solver {} evaluates nothing, so no number of steps makes {} evaluations", name_, nfe);
  int steps = 1;
  while (evaluations(steps, denoise) < nfe) ++steps;
  return steps;
}

int SolverChoice::steps_for(int nfe, bool denoise) const {
  const int steps = steps_for_at_least(nfe, denoise);
  const int above = evaluations(steps, denoise);
  if (above == nfe) return steps;
  const std::string near = steps == 1 ? fmt::format("the least is {}", above)
                                      : fmt::format("{} and {} are", evaluations(steps - 1, denoise), above);
  fail(Failure::usage, "solver {}{} cannot make exactly {} evaluations; {}{}", name_,
       denoise && !reference() ? " with the final denoising" : "", nfe, near, steps == 1 ? "" : " possible");
}

bool SolverChoice::stochastic() const {
  if (corrector_ || options_.churn > 0) return true;
  return options_.eta >= 0 ? options_.eta > 0 : predictor_->stochastic;
}

std::string_view SolverChoice::grid(const Sde& sde) const {
  if (reference()) return "uniform";
  // Where noise and data are of one size (alpha = sigma) within the first sixth of the time, nearly all equal steps
  // fall where nothing but noise is. Euler-Maruyama with 50 steps on data N(0.2, 0.5^2), relative error of the law with
  // uniform and with karras, and that share of time: edm 47, 0.11, 1 %; ou 0.19, 0.11, 11 %; vp 0.037, 0.096, 26 %;
  // cosine 0.022, 0.097, 50 %; ve 0.009, 0.002, 54 %.
  const double share = (sde.time_at(0) - sde.t_end()) / (sde.t_max() - sde.t_end());
  return predictor_->grid == "uniform" && share < 1.0 / 6 ? "karras" : predictor_->grid;
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
