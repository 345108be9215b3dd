#include <sys/resource.h>

#include <algorithm>
#include <map>

#include "cli/app.h"
#include "cli/draw.h"
#include "cli/torch_backend.h"
#include "core/clock.h"
#include "engine/engine_score.h"
#include "engine/peak.h"
#include "engine/simd.h"
#include "report/table.h"

namespace scoresde {
namespace {

struct BenchFlags {
  std::string run, solver = "dpm++2m";
  std::vector<int> batches = {1, 4, 16, 64};
  int nfe = 20;
  double seconds = 1;
  bool train = false, tune = false;
};

double megabytes_at_most() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1e3;  // Linux counts in kB
}

// Median seconds of a call: as many as fit into `budget` seconds, three at least, after one that warms up.
template <class Function>
double median_seconds(double budget, Function function) {
  function();
  std::vector<double> times;
  const Stopwatch all;
  while (times.size() < 3 || all.seconds() < budget) {
    const Stopwatch watch;
    function();
    times.push_back(watch.seconds());
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

CounterNoise bench_noise(Index rows, Index dimension) {
  std::vector<std::uint64_t> ids;
  for (Index i = 0; i < rows; ++i) ids.push_back(static_cast<std::uint64_t>(i));
  return {0, ids, dimension};
}

// A score that costs nothing: what is left of a run is the solver's and the noise's.
class FreeScore : public Score {
 public:
  explicit FreeScore(Index dimension) : dimension_(dimension) {}
  Batch operator()(const Batch& x, const Times&) const override { return x; }
  Index dimension() const override { return dimension_; }

 private:
  Index dimension_;
};

struct BatchSpeed {
  int batch;
  double evaluation;  // seconds of one evaluation of the whole batch
  double sample;      // seconds a sample of a whole run, the solver's work included
  double peak_share;
};

// Which line of the breakdown a node's time belongs to.
std::string_view part_of(const Node& node) {
  switch (node.kind) {
    case OpKind::conv:
      return node.kernel == 1 ? "convolution 1x1" : "convolution 3x3";
    case OpKind::nin:
      return "convolution 1x1";
    case OpKind::attention:
      return "attention";
    case OpKind::group_norm:
    case OpKind::instance_norm_plus:
      return "norm";
    case OpKind::upsample:
    case OpKind::downsample:
    case OpKind::bilinear:
    case OpKind::fir:
    case OpKind::space_to_depth:
    case OpKind::depth_to_space:
      return "resampling";
    default:
      return "rest";
  }
}

std::map<std::string_view, double> shares_of(const Engine& engine, double label, double budget) {
  const Index rows = std::min<Index>(16, engine.rows_at_once());
  const Batch x =
      bench_noise(rows, static_cast<Index>(element_count(engine.graph().input_shape))).normal(Purpose::test, {1, 0, 0});
  std::vector<double> total(engine.graph().nodes.size());
  const Stopwatch watch;
  for (int i = 0; i < 3 || watch.seconds() < budget; ++i) {
    const std::vector<double> seconds = engine.node_seconds(x, label);
    for (std::size_t n = 0; n < total.size() && i > 0; ++n) total[n] += seconds[n];
  }
  std::map<std::string_view, double> shares;
  double sum = 0;
  for (std::size_t n = 0; n < total.size(); ++n) {
    shares[part_of(engine.graph().nodes[n])] += total[n];
    sum += total[n];
  }
  for (auto& [part, share] : shares) share /= sum;
  return shares;
}

struct BenchReport {
  std::string run, net, target;
  std::int64_t parameters = 0, multiply_adds = 0;
  int threads = 1, nfe = 20;
  double peak = 0, solver_share = 0, megabytes = 0;
  std::string solver;
  std::vector<BatchSpeed> speeds;
  std::map<std::string_view, double> shares;
};

BenchReport measure(const BenchFlags& flags, int threads) {
  const Model model = read_model(flags.run);
  const auto sde = make_sde(model.spec.sde);
  const ResolvedPlan plan = resolve(*sde, {.solver = flags.solver, .nfe = flags.nfe});
  const EngineScore score(model, {}, threads, ScoreUse::values, read_tuning(model_file(flags.run)));
  const Graph& graph = score.engine().graph();
  BenchReport report{.run = flags.run,
                     .net = model.spec.net.name,
                     .target = simd::target_name(),
                     .parameters = graph.parameter_count(),
                     .multiply_adds = graph.multiply_adds(),
                     .threads = threads,
                     .nfe = plan.nfe,
                     .solver = plan.choice.name()};
  const double flop = 2 * static_cast<double>(report.multiply_adds), t = (sde->t_min() + sde->t_max()) / 2;
  report.peak = measured_fma_peak(threads);
  for (const int batch : flags.batches) {
    const CounterNoise noise = bench_noise(batch, score.dimension());
    const Batch x = draw_prior(*sde, noise);
    const double evaluation = median_seconds(flags.seconds, [&] { score(x, Times::Constant(batch, t)); });
    const FreeScore free(score.dimension());
    const double rest = median_seconds(flags.seconds / 10, [&] {
      const auto solver = plan.choice.make();
      sample({*sde, free, noise}, *solver, draw_prior(*sde, noise), plan.times);
    });
    report.peak = std::max(report.peak, measured_fma_peak(threads, 2));
    const double whole = plan.nfe * evaluation + rest;
    report.solver_share = std::max(report.solver_share, rest / whole);
    report.speeds.push_back({batch, evaluation, whole / batch, batch * flop / evaluation});
  }
  for (BatchSpeed& speed : report.speeds) speed.peak_share /= report.peak;
  report.shares = shares_of(score.engine(), 0.5, flags.seconds);
  report.megabytes = megabytes_at_most();
  return report;
}

Json report_json(const BenchReport& r) {
  Json json = {{"run", r.run},
               {"parameters", r.parameters},
               {"multiply_adds", r.multiply_adds},
               {"threads", r.threads},
               {"simd", r.target},
               {"fma_peak", r.peak},
               {"solver", r.solver},
               {"nfe", r.nfe},
               {"batches", Json::array()},
               {"shares", Json::object()},
               {"solver_share", r.solver_share},
               {"megabytes", r.megabytes}};
  for (const BatchSpeed& s : r.speeds)
    json["batches"].push_back({{"batch", s.batch},
                               {"seconds_per_evaluation", s.evaluation},
                               {"samples_per_second", 1 / s.sample},
                               {"peak_share", s.peak_share}});
  for (const auto& [part, share] : r.shares) json["shares"][std::string(part)] = share;
  return json;
}

void print_report(const BenchReport& r) {
  fmt::print("{}: {}, {} parameters, {:.0f} million multiply-adds a sample\n", r.run, r.net, grouped(r.parameters),
             static_cast<double>(r.multiply_adds) / 1e6);
  fmt::print("{} threads, {}; the FMA peak measured beside it: {:.0f} GFLOP/s\n\n", r.threads, r.target, r.peak / 1e9);
  Table speeds{{"batch", "ms an evaluation", fmt::format("samples/s at {} NFE", r.nfe), "share of the FMA peak"}, {}};
  for (const BatchSpeed& s : r.speeds)
    speeds.rows.push_back({std::to_string(s.batch), fmt::format("{:.2f}", 1e3 * s.evaluation),
                           fmt::format("{:.2f}", 1 / s.sample), fmt::format("{:.0f} %", 100 * s.peak_share)});
  fmt::print("{}\n", text_table(speeds));
  Table parts{{"part of an evaluation", "time, by one thread"}, {}};
  std::vector<std::pair<double, std::string_view>> sorted;
  for (const auto& [part, share] : r.shares) sorted.emplace_back(share, part);
  std::sort(sorted.rbegin(), sorted.rend());
  for (const auto& [share, part] : sorted)
    parts.rows.push_back({std::string(part), fmt::format("{:.1f} %", 100 * share)});
  fmt::print("{}\n", text_table(parts));
  fmt::print("solver and noise ({})   {:.2f} % of sampling at most\n", r.solver, 100 * r.solver_share);
  fmt::print("peak memory               {:.0f} MB\n", r.megabytes);
}

// Of the run's own settings, from its config.toml.
TrainForecast training_speed(const BenchFlags& flags, int threads) {
  const fs::path file = fs::path(flags.run) / "config.toml";
  if (!fs::exists(file)) fail(Failure::usage, "--train needs a run folder; {} has no config.toml", flags.run);
  RunConfig config;
  update(config, read_toml(file.string()));
  return torch_backend().forecast(config, {.threads = threads}, threads);
}

void run_tune(const BenchFlags& flags, const CommonFlags& common) {
  const fs::path file = tuning_file(model_file(flags.run));
  require_free(file.string(), common.force);
  const Model model = read_model(flags.run);
  Tuning tuning;
  const std::vector<TunedShape> shapes = measure_tuning(build_net(model.spec.net, model.spec.shape), tuning);
  if (shapes.empty()) fail(Failure::usage, "{}: no convolution of this network leaves a choice", flags.run);
  write_atomically(file, tuning.text());
  if (common.json) {
    Json rows = Json::array();
    for (const TunedShape& s : shapes)
      rows.push_back({{"convolution", s.key}, {"direct", s.direct}, {"winograd", s.winograd}});
    return print_json({{"out", file.string()}, {"identity", tuning.identity()}, {"convolutions", rows}});
  }
  Table table{{"convolution", "direct, us a sample", "Winograd"}, {}};
  for (const TunedShape& s : shapes)
    table.rows.push_back({s.key, fmt::format("{:.1f}", 1e6 * s.direct), fmt::format("{:.1f}", 1e6 * s.winograd)});
  fmt::print("{}\n{}: {}\n", text_table(table), file.string(), tuning.identity());
}

void run_bench(const BenchFlags& flags, const CommonFlags& common) {
  if (flags.tune) return run_tune(flags, common);
  const int threads = thread_count(common);
  const BenchReport report = measure(flags, threads);
  Json json = report_json(report);
  if (!common.json) print_report(report);
  if (flags.train) {
    const TrainForecast f = training_speed(flags, threads);
    json["training"] = {{"batch", f.config.batch * f.config.accumulation},
                        {"seconds_per_step", f.seconds_per_step},
                        {"images_per_second", f.images_per_second}};
    if (!common.json)
      fmt::print("training                  {:.1f} ms a step of {}: {:.1f} items a second\n", 1e3 * f.seconds_per_step,
                 f.config.batch * f.config.accumulation, f.images_per_second);
  }
  if (common.json) print_json(json);
}

}  // namespace

void add_bench(CLI::App& app, CommonFlags& common) {
  static BenchFlags flags;
  CLI::App* command =
      add_command(app, common, "bench", "Measure how fast a model samples (and trains) on this machine.",
                  "scoresde bench runs/fashion");
  command->footer(
      "\nThe share of the FMA peak counts the multiply-adds of direct convolution.\n"
      "Winograd's method needs fewer, so it can pass 100 %.");
  command->add_option("run", flags.run, "a run folder or a .safetensors file")->required();
  command->add_option("--batch", flags.batches, "samples evaluated together, such as 1,16")
      ->delimiter(',')
      ->check(within(1, 65536))
      ->capture_default_str();
  command->add_option("--solver", flags.solver, "see `scoresde list solvers`")->capture_default_str();
  command->add_option("--nfe", flags.nfe, "network evaluations a sample")
      ->check(within(1, 1000000))
      ->capture_default_str();
  command->add_option("--seconds", flags.seconds, "time spent on each measurement")
      ->check(within(0.0, 3600.0))
      ->capture_default_str();
  command->add_flag("--train", flags.train, "a training step too, with the run's own settings and data");
  command->add_flag("--tune", flags.tune,
                    "find the faster method of each convolution on this machine and keep the table with the model; the "
                    "last bits of its samples change, and recipes name the table");
  command->add_flag("--force", common.force, "replace an earlier table");
  command->callback([&common] { run_bench(flags, common); });
}

}  // namespace scoresde
