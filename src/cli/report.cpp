#include <thread>

#include "cli/app.h"
#include "cli/draw.h"
#include "cli/model_score.h"
#include "cli/pictures.h"
#include "core/catalog.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/statistics.h"
#include "report/html.h"
#include "train/config.h"

namespace scoresde {
namespace {

struct ReportFlags {
  std::string run;
  std::vector<std::string> solvers;
  long long n = 64;
  bool no_samples = false;
};

// "heun" or "heun:30".
DrawPlan plan_of(const std::string& text, long long n) {
  DrawPlan plan;
  const std::size_t colon = text.find(':');
  plan.solver = text.substr(0, colon);
  if (colon != std::string::npos) {
    long long nfe;
    if (!parse_number(std::string_view(text).substr(colon + 1), nfe) || nfe < 1 || nfe > 1'000'000)
      fail(Failure::usage, "--solvers {} must be a solver, or solver:NFE", text);
    plan.nfe = static_cast<int>(nfe);
  }
  for (long long k = 0; k < n; ++k) plan.ids.push_back(static_cast<std::uint64_t>(k));
  return plan;
}

Gallery gallery_of(const Batch& rows, const ItemShape& shape) {
  Gallery gallery;
  if (shape.image)
    gallery.pictures = batch_to_images(rows, shape);
  else if (rows.cols() == 2)
    for (Index i = 0; i < rows.rows(); ++i) gallery.points.push_back({rows(i, 0), rows(i, 1)});
  return gallery;
}

// Adds the states of `rows` samples at one time as a column of the path.
void add_column(TimePath& path, const Sde& sde, const ItemShape& shape, double t, const Batch& x) {
  const Marginal m = sde.marginal(t);
  path.columns.push_back({t, m.alpha, m.sigma});
  const Gallery shown = gallery_of(shape.image ? shown_at(sde, t, x) : x, shape);
  if (!shape.image) return path.clouds.push_back(shown.points);
  path.rows.resize(shown.pictures.size());
  for (std::size_t i = 0; i < shown.pictures.size(); ++i) path.rows[i].push_back(shown.pictures[i]);
}

// The forward process on real items, at times that are even in log-SNR.
TimePath noising_path(const Sde& sde, const Dataset& data) {
  const Batch x = data.rows(data.shape.image ? 4 : 1000);
  std::vector<std::uint64_t> ids(static_cast<std::size_t>(x.rows()));
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
  const Batch z = CounterNoise(0, ids, x.cols()).normal(Purpose::perturbation, {0, 0, 0});
  TimePath path;
  constexpr int columns = 7;
  const double first = sde.log_snr(sde.t_end()), last = sde.log_snr(sde.t_max());
  // Half of the range is invisible noise at either end; show what an eye can tell apart, data of deviation 1/2.
  const double low = std::max(last, -3.0), high = std::min(first, 4.0);
  for (int k = 0; k < columns; ++k) {
    const double t = sde.time_at(high + (low - high) * k / (columns - 1));
    const Marginal m = sde.marginal(t);
    add_column(path, sde, data.shape, t, m.alpha * x + m.sigma * z);
  }
  return path;
}

LinePlot schedule_plot(const Sde& sde) {
  LinePlot plot{.title = "alpha and sigma over time", .x_label = "t", .y_label = ""};
  plot.series = {{.name = "alpha"}, {.name = "sigma"}};
  for (int k = 0; k <= 200; ++k) {
    const double t = sde.t_min() + (sde.t_max() - sde.t_min()) * k / 200;
    const Marginal m = sde.marginal(t);
    plot.series[0].points.push_back({t, m.alpha});
    plot.series[1].points.push_back({t, m.sigma});
  }
  return plot;
}

std::string sde_sentence(const SdeConfig& config) {
  const SdeEntry& entry = find_entry("SDE", sdes(), config.name);
  return fmt::format("{}: {}.", entry.name, entry.summary);
}

void add_data_section(ReportData& report, const Dataset& data) {
  const Statistics s = measure(data);
  report.data_text = fmt::format("{} items of {}.", grouped(static_cast<long long>(data.count)), to_text(data.shape));
  report.data_facts = {{"items", grouped(static_cast<long long>(data.count))},
                       {"shape", to_text(data.shape)},
                       {"mean", fmt::format("{:.3f}", s.mean)},
                       {"standard deviation", fmt::format("{:.3f}", s.std)},
                       {"largest pairwise distance",
                        fmt::format("{:.1f}{}", s.largest_distance, s.distance_is_estimate ? " (estimate)" : "")}};
  report.data = gallery_of(data.rows(data.shape.image ? 64 : 2000), data.shape);
  for (std::size_t i = 0; i < report.data.pictures.size() && !data.class_names.empty(); ++i)
    report.data.captions.push_back(data.class_names[static_cast<std::size_t>(data.labels[i])]);
}

void add_sample_sections(ReportData& report, const ReportFlags& flags, const CommonFlags& common, const Model& model,
                         const Sde& sde) {
  const auto score = load_score({}, model, -1, thread_count(common));
  const ItemShape& shape = model.spec.shape;
  for (const std::string& text : flags.solvers) {
    const DrawPlan plan = plan_of(text, shape.image ? flags.n : std::max(flags.n, 1000LL));
    const ResolvedPlan resolved = resolve(sde, plan);
    SampleBlock block{.solver = resolved.choice.name(), .summary = std::string(resolved.choice.predictor().summary)};
    Batch rows(static_cast<Index>(plan.ids.size()), shape.size());
    Index filled = 0;
    const int every = std::max(1, resolved.steps / 7);
    const auto path = [&](const SamplingProgress& p) {
      if (p.step % every == 0 || p.step == p.steps)
        add_column(report.denoising, sde, shape, p.t, p.x.topRows(std::min<Index>(shape.image ? 4 : 1000, p.x.rows())));
    };
    const bool first = report.samples.empty();
    const DrawSummary summary = draw(
        sde, *score, plan, common.quiet,
        [&](const DrawnBatch& batch) {
          rows.middleRows(filled, batch.samples.x.rows()) = batch.samples.x;
          filled += batch.samples.x.rows();
        },
        first ? std::function<void(const SamplingProgress&)>(path) : nullptr);
    if (first)
      report.denoising_text = fmt::format("The first samples of {} on their way from noise, by {} in {} steps.",
                                          report.title, block.solver, resolved.steps);
    block.nfe = static_cast<int>(std::lround(summary.mean_nfe));
    block.seconds = summary.seconds;
    block.count = static_cast<int>(plan.ids.size());
    block.gallery = gallery_of(rows, shape);
    block.command = fmt::format("scoresde sample {} --out samples.png -n {} --solver {}{}", flags.run, plan.ids.size(),
                                plan.solver, plan.nfe > 0 ? fmt::format(" --nfe {}", plan.nfe) : "");
    report.samples.push_back(std::move(block));
  }
}

void add_facts(ReportData& report, const Model& model, const Graph& graph) {
  const auto last = [&](const std::string& name) {
    const auto points = report.metrics.curve("images", name);
    return points.empty() ? std::nan("") : points.back().y;
  };
  report.subtitle =
      fmt::format("A {} with {} parameters, trained on {} items in {}.", model.spec.net.name,
                  grouped(graph.parameter_count()), grouped(model.spec.images_seen), duration_text(last("seconds")));
  report.facts = {{"network", model.spec.net.name},
                  {"parameters", grouped(graph.parameter_count())},
                  {"process", model.spec.sde.name},
                  {"items seen", grouped(model.spec.images_seen)},
                  {"training time", duration_text(last("seconds"))}};
  if (const double loss = last("validation"); std::isfinite(loss))
    report.facts.push_back({"held-out loss", fmt::format("{:.4f}", loss)});
  if (const double accuracy = last("accuracy"); std::isfinite(accuracy))
    report.facts.push_back({"held-out accuracy", fmt::format("{:.1f} %", 100 * accuracy)});
}

RunConfig run_config_of(const fs::path& run) {
  RunConfig config;
  update(config, read_toml((run / "config.toml").string()));
  return config;
}

std::vector<Suggestion> suggestions(const std::string& run, const RunConfig& config, bool classifies) {
  std::vector<Suggestion> next;
  if (classifies)
    next.push_back({"Judge the samples of another run with it",
                    fmt::format("scoresde evaluate runs/other --against {} --classifier {}", config.data.source, run)});
  else
    next = {{"Draw another set", fmt::format("scoresde sample {} --out more.png -n 64 --seed 7", run)},
            {"Fewer evaluations", fmt::format("scoresde sample {} --out few.png -n 64 --nfe 6", run)},
            {"Watch them form", fmt::format("scoresde sample {} --out one.png -n 16 --trajectory path.gif", run)}};
  next.push_back(
      {"Train on, up to half an hour in all", fmt::format("scoresde train --out {} --resume --minutes 30", run)});
  return next;
}

void write_run_report(const ReportFlags& flags, const CommonFlags& common) {
  const fs::path run(flags.run);
  if (!fs::is_directory(run)) fail(Failure::data, "{} is not a run folder", flags.run);
  const Model model = read_model(run);
  const RunConfig config = run_config_of(run);
  const auto sde = make_sde(model.spec.sde);
  const Graph graph = build_net(model.spec.net, model.spec.shape);
  ReportData report;
  report.title = config.data.source;
  report.metrics = read_metrics(run / "metrics.jsonl");
  add_facts(report, model, graph);
  const Dataset data = load_dataset(config.data.source,
                                    {.resize = config.data.resize, .most = static_cast<std::size_t>(config.data.most)});
  add_data_section(report, data);
  const bool classifies = find_entry("objective", objectives(), config.objective.name).classifies;
  if (classifies)
    report.loss_text =
        "The loss is the cross-entropy of the right class: 0 where the classifier is always sure and right.";
  if (!classifies || config.objective.noise_conditional) {
    report.process_text = sde_sentence(model.spec.sde);
    report.noising = noising_path(*sde, data);
    report.schedule = schedule_plot(*sde);
  }
  if (!classifies && !flags.no_samples) add_sample_sections(report, flags, common, model, *sde);
  report.config = read_text(run / "config.toml");
  report.versions = {{"scoresde", SCORESDE_VERSION},
                     {"compiler", __VERSION__},
                     {"model", model.hash},
                     {"cores", std::to_string(std::thread::hardware_concurrency())}};
  report.next = suggestions(flags.run, config, classifies);
  const fs::path page = run / "report.html";
  write_report(page, report);
  if (common.json)
    print_json({{"report", page.string()}});
  else
    fmt::print("{}\n", page.string());
}

}  // namespace

void add_report(CLI::App& app, CommonFlags& common) {
  static ReportFlags flags;
  flags.solvers = {"dpm++2m:20", "edm-heun:35", "reverse-diffusion+langevin:201"};
  CLI::App* command =
      add_command(app, common, "report", "Write report.html into a run folder: data, process, curves, samples.",
                  "scoresde report runs/fashion");
  command->add_option("run", flags.run, "a run folder")->required();
  command->add_option("--solvers", flags.solvers, "solvers to draw with, each NAME or NAME:NFE")->delimiter(',');
  command->add_option("-n", flags.n, "samples a solver")->check(within(1, 10000))->capture_default_str();
  command->add_flag("--no-samples", flags.no_samples, "leave the samples out: needs no LibTorch");
  command->callback([&common] { write_run_report(flags, common); });
}

}  // namespace scoresde
