#include "cli/model_flow.h"

#include <cmath>

#include "core/catalog.h"
#include "core/clock.h"

namespace scoresde {

void add_flow_flags(CLI::App& command, FlowFlags& flags) {
  command.add_option("--integrator", flags.flow.integrator, "see `scoresde list integrators`")->capture_default_str();
  command.add_option("--tolerance", flags.flow.tolerance, "rk45: absolute and relative")
      ->check(within(1e-13, 1))
      ->capture_default_str();
  command.add_option("--steps", flags.flow.steps, "rk4, rk5: equal steps of log-SNR")
      ->check(within(1, 100000))
      ->capture_default_str();
  command.add_option("--class", flags.class_label, "class to condition on, 0-based; default: none")
      ->check(within(0, 1000000));
  command.add_option("--batch", flags.batch, "items carried together: memory only, never changes a result")
      ->check(within(1, 65536))
      ->capture_default_str();
  command.add_option("--device", flags.engine.device, "cpu, or another device that LibTorch has, such as cuda")
      ->capture_default_str();
  command
      .add_option("--engine", flags.engine.engine,
                  "fast (our own, on the CPU), torch, or auto: fast where it has every op of the network")
      ->check(CLI::IsMember({"auto", "fast", "torch"}))
      ->capture_default_str();
}

void check_flow_flags(const CLI::App& command, const FlowFlags& flags) {
  const bool fixed = find_entry("integrator", integrators(), flags.flow.integrator).fixed;
  if (fixed && command.count("--tolerance"))
    fail(Failure::usage, "{} takes a number of --steps, not a --tolerance", flags.flow.integrator);
  if (!fixed && command.count("--steps"))
    fail(Failure::usage, "{} chooses its own steps: set its --tolerance, not --steps", flags.flow.integrator);
}

FlowModel::FlowModel(const FlowFlags& flags) : model(read_model(flags.run)), sde(make_sde(model.spec.sde)) {
  const int classes = model.spec.net.classes;
  if (flags.class_label >= classes)
    fail(Failure::usage, "--class {}: the model knows {}", flags.class_label,
         classes == 0 ? "no classes" : fmt::format("classes 0 to {}", classes - 1));
}

void FlowModel::load(const FlowFlags& flags, const CommonFlags& common, ScoreUse use) {
  score = load_score(flags.engine, std::move(model), flags.class_label, thread_count(common), use);
}

Dataset load_for_model(const std::string& data, const ModelSpec& spec) {
  Dataset set = load_dataset(data);
  if (set.count == 0) fail(Failure::data, "{}: there are no items", data);
  if (!(set.shape == spec.shape))
    fail(Failure::data, "{}: items of {}, but the model is of {}", data, to_text(set.shape), to_text(spec.shape));
  set.column_mean.assign(spec.column_mean.begin(), spec.column_mean.end());
  set.column_std.assign(spec.column_std.begin(), spec.column_std.end());
  return set;
}

void require_finite(const Batch& rows, const std::string& where) {
  for (Index i = 0; i < rows.rows(); ++i)
    for (Index j = 0; j < rows.cols(); ++j)
      if (!std::isfinite(rows(i, j)))
        fail(Failure::data, "{}: value {} of row {} is {}, not a finite number", where, j, i, rows(i, j));
}

void WatchedScore::tell() const {
  if (interrupted()) fail(Failure::run, "interrupted");
  progress_.update(static_cast<double>(done_), fmt::format("evaluation {}", ++calls_));
}

Batch WatchedScore::operator()(const Batch& x, const Times& t) const {
  tell();
  return score_(x, t);
}

Batch WatchedScore::vjp(const Batch& x, const Times& t, const Batch& v) const {
  tell();
  return score_.vjp(x, t, v);
}

ScoreAndVjps WatchedScore::with_vjps(const Batch& x, const Times& t, std::span<const Batch> v) const {
  tell();
  return score_.with_vjps(x, t, v);
}

CarriedRows carry_rows(const FlowModel& model, const Batch& rows, bool encode, const FlowFlags& flags, bool quiet) {
  const Sde& sde = *model.sde;
  const Stopwatch watch;
  Progress progress(encode ? "encoding" : "decoding", static_cast<double>(rows.rows()), "items",
                    {.mode = quiet ? ProgressMode::quiet : ProgressMode::automatic});
  WatchedScore score(*model.score, progress);
  CarriedRows result{.rows = Batch(rows.rows(), rows.cols())};
  for (Index first = 0; first < rows.rows(); first += flags.batch) {
    const Index count = std::min(flags.batch, rows.rows() - first);
    score.start_batch(first);
    const Batch start = rows.middleRows(first, count);
    const FlowResult end = encode ? flow(sde, score, start, sde.t_min(), sde.t_max(), flags.flow)
                                  : flow(sde, score, start * sde.prior_std(), sde.t_max(), sde.t_min(), flags.flow);
    result.rows.middleRows(first, count) = encode ? (end.x / sde.prior_std()).eval() : end.x;
    for (std::size_t i = 0; i < end.converged.size(); ++i) {
      result.mean_nfe += static_cast<double>(end.evaluations[i]) / static_cast<double>(rows.rows());
      if (!end.converged[i])
        result.failures.push_back(
            fmt::format("item {}: the flow could not be followed to its end", static_cast<std::size_t>(first) + i));
    }
  }
  result.seconds = watch.seconds();
  return result;
}

void require_no_failures(const std::vector<std::string>& failures, Index count) {
  if (!failures.empty())
    fail(Failure::numerical, "{} of {} items failed; {}", failures.size(), count, failures.front());
}

}  // namespace scoresde
