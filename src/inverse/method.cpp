#include "inverse/method.h"

#include <algorithm>

#include "core/catalog.h"
#include "inverse/solve.h"
#include "sde/grid.h"

namespace scoresde {
namespace {

bool reads_word(std::string_view reads, std::string_view setting) {
  const std::vector<std::string> words = split(reads, ' ');
  return std::find(words.begin(), words.end(), setting) != words.end();
}

constexpr Index most_for_spectrum = 1024;

}  // namespace

std::string needs_text(const MethodEntry& entry) {
  std::string text = entry.closed_form ? "a closed form" : entry.spectrum ? "SVD" : entry.linear ? "linear" : "";
  if (entry.gradient) text += text.empty() ? "gradient" : ", gradient";
  return text.empty() ? "-" : text;
}

MethodChoice::MethodChoice(std::string_view name, const MethodOptions& options)
    : entry_(&find_entry("method", methods(), name)), options_(options) {
  const Json defaults = to_json(MethodOptions{}), settings = to_json(options);
  for (const auto& [setting, value] : settings.items()) {
    if (value == defaults[setting] || reads_word(entry_->reads, setting)) continue;
    std::vector<std::string_view> readers;
    for (const MethodEntry& other : methods())
      if (reads_word(other.reads, setting)) readers.push_back(other.name);
    fail(Failure::usage, "{} = {}: method {} does not read it; {} {}", setting, shown(value), name, join(readers),
         readers.size() == 1 ? "does" : "do");
  }
  if (options_.solver.empty()) options_.solver = entry_->solver;
  if (reads_word(entry_->reads, "order") && options_.order == "score_sde")
    options_.settings.compatibility = "score_sde";
  if (!reads_word(entry_->reads, "solver")) return;
  if (SolverChoice(options_.solver, options_.settings).adaptive())
    fail(Failure::usage, "method {} needs a solver of fixed steps, and {} chooses its own", name, options_.solver);
}

std::string MethodChoice::obstacle(const Operator& op) const {
  if (entry_->linear && !op.linear())
    return fmt::format("method {} needs a linear measurement; dps, red-diff and langevin do not", entry_->name);
  if (needs_spectrum() && !op.spectrum() && op.inputs() > most_for_spectrum)
    return fmt::format(
        "method {} needs the singular values of the measurement, which are not known for this one of {} "
        "values (up to {} they are computed); diffpir and langevin do without",
        entry_->name, op.inputs(), most_for_spectrum);
  return "";
}

int MethodChoice::steps_for(int nfe) const {
  if (nfe <= 0) nfe = std::max(entry_->default_nfe, evaluations(1));
  if (evaluations(2) == evaluations(1)) return 1;
  if (evaluations(1) > nfe)
    fail(Failure::usage, "method {} spends at least {} evaluations with these settings, not {}", entry_->name,
         evaluations(1), nfe);
  int steps = 1;
  while (evaluations(steps + 1) <= nfe) ++steps;
  return steps;
}

std::vector<double> MethodChoice::times(const Sde& sde, int steps) const {
  if (options_.settings.compatibility != "none")
    return SolverChoice(options_.solver, options_.settings).times(sde, steps);
  // Where a solver carries the samples, its own grid; else equal steps of t as the solvers have them.
  const bool carried = reads_word(entry_->reads, "solver");
  const SolverChoice solver(carried ? std::string_view(options_.solver) : "euler-maruyama",
                            carried ? options_.settings : SolverOptions{});
  return make_grid(entry_->grid == "uniform" ? solver.grid(sde) : entry_->grid, sde, sde.t_max(), sde.t_end(), steps);
}

Samples restore(const ReverseProcess& p, const Measurement& measurement, const MethodChoice& method, int steps,
                const std::function<void(const SamplingProgress&)>& progress, bool denoise) {
  if (const std::string why = method.obstacle(*measurement.op); !why.empty()) fail(Failure::usage, "{}", why);
  if (measurement.op->inputs() != p.score.dimension())
    fail(Failure::usage, "a measurement of {} values does not fit a score of {}", measurement.op->inputs(),
         p.score.dimension());
  Measurement known = measurement;
  if (method.needs_spectrum()) known.op = with_spectrum(known.op, most_for_spectrum);
  const auto solver = method.entry().make(known, method.options());
  Batch x = solver->start(p, draw_prior(p.sde, p.noise));
  return sample(p, *solver, std::move(x), method.times(p.sde, steps), {.denoise = denoise, .progress = progress});
}

}  // namespace scoresde
