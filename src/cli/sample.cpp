#include <fstream>

#include "cli/app.h"
#include "cli/calibration_store.h"
#include "cli/draw.h"
#include "cli/guided.h"
#include "cli/model_score.h"
#include "cli/outputs.h"
#include "cli/pictures.h"
#include "data/gif.h"
#include "data/image.h"
#include "data/image_grid.h"

namespace scoresde {
namespace {

struct SampleFlags {
  std::string run, out, seeds, trajectory, from;
  EngineChoice engine;
  GuidanceFlags guidance;
  long long n = 64, seed = 0;
  bool noisy = false, uncalibrated = false, stochastic = false;
  DrawPlan plan;
  std::vector<std::string> settings;
};

// The states of the first samples on their way, as frames of an animation.
class Trajectory {
 public:
  Trajectory(const std::string& path, const Sde& sde, const ModelSpec& spec) : path_(path), sde_(sde), spec_(spec) {}

  void add(const SamplingProgress& p) {
    const Index rows = std::min<Index>(16, p.x.rows());
    const Batch shown = shown_at(sde_, p.t, p.x.topRows(rows));
    frames_.push_back(grid(batch_to_images(shown, spec_.shape), 4));
  }

  void finish() const { write_gif(path_, frames_, 8); }

 private:
  std::string path_;
  const Sde& sde_;
  const ModelSpec& spec_;
  std::vector<Image> frames_;
};

Json summary_json(const SampleFlags& flags, const DrawSummary& summary, const ResolvedPlan& resolved) {
  Json json = {{"out", flags.out},
               {"samples", flags.plan.ids.size()},
               {"solver", resolved.choice.name()},
               {"steps", summary.steps},
               {"nfe", summary.mean_nfe},
               {"nfe_least", summary.least_nfe},
               {"nfe_most", summary.most_nfe},
               {"calibrated", !flags.plan.times.empty()},
               {"seconds", summary.seconds},
               {"failures", summary.failures}};
  if (summary.acceptance >= 0) json["acceptance"] = summary.acceptance;
  return json;
}

std::string cost_text(const DrawSummary& summary, const ResolvedPlan& resolved) {
  if (summary.acceptance >= 0)
    return fmt::format("{} steps, {} NFE a sample, {:.0f} % of proposals accepted", summary.steps, summary.most_nfe,
                       100 * summary.acceptance);
  if (!resolved.choice.adaptive()) return fmt::format("{} steps, {} NFE a sample", summary.steps, summary.most_nfe);
  return fmt::format("{:.1f} NFE a sample ({} to {})", summary.mean_nfe, summary.least_nfe, summary.most_nfe);
}

void run_sample(const CLI::App& command, SampleFlags& flags, const CommonFlags& common) {
  for (const std::string& setting : flags.settings) set(flags.plan.options, setting);
  SolverChoice(flags.plan.solver, flags.plan.options);  // what is wrong in the call is told before any file is read
  flags.plan.denoise = !flags.noisy;
  flags.plan.seed = static_cast<std::uint64_t>(flags.seed);
  if (!flags.seeds.empty())
    flags.plan.ids = parse_ranges(flags.seeds, "--seeds");
  else
    for (long long k = 0; k < flags.n; ++k) flags.plan.ids.push_back(static_cast<std::uint64_t>(k));
  Model model = read_model(flags.run);
  const auto sde = make_sde(model.spec.sde);
  if (!flags.from.empty()) flags.plan.from = row_of_picture(flags.from, model.spec);
  const bool budget_alone = flags.plan.nfe > 0 && !flags.uncalibrated && flags.plan.grid.empty() &&
                            flags.settings.empty() && command.count("--solver") == 0;
  const std::string calibrated = budget_alone ? apply_calibration(flags.run, model, flags.plan, flags.stochastic) : "";
  if (flags.stochastic && calibrated.empty())
    fail(
        Failure::usage,
        "--stochastic takes what `scoresde calibrate {} --stochastic --nfe {}` stores, and there is nothing stored for "
        "this call",
        flags.run, flags.plan.nfe > 0 ? flags.plan.nfe : 50);
  const ResolvedPlan resolved = resolve(*sde, flags.plan);
  if (!flags.trajectory.empty()) {
    if (!model.spec.shape.image) fail(Failure::usage, "--trajectory shows pictures; this model makes rows of a table");
    require_free(flags.trajectory, common.force);
  }
  Json how = recipe(model.hash, *sde, flags.plan, resolved, flags.guidance.class_label, flags.guidance.weight);
  if (!flags.from.empty()) how["from"] = flags.from;
  if (!flags.guidance.classifier.empty()) how["classifier"] = flags.guidance.classifier;
  if (!flags.guidance.guide.empty()) how["guide"] = flags.guidance.guide;
  if (!flags.guidance.interval.empty()) how["guidance_interval"] = flags.guidance.interval;
  how["engine"] = resolve_engine(flags.engine, model);
  how["run"] = flags.run;
  flags.engine.tuning = read_tuning(model_file(flags.run));
  if (how["engine"] == "fast" && !flags.engine.tuning.identity().empty())
    how["tuning"] = flags.engine.tuning.identity();
  const auto sink =
      open_sink(flags.out, model.spec, how, flags.guidance.class_label, flags.plan.ids.size(), common.force);
  catch_interrupts();
  const ChosenScore score(model, flags.engine, flags.guidance, thread_count(common));
  Trajectory trajectory(flags.trajectory, *sde, model.spec);
  std::function<void(const SamplingProgress&)> path;
  if (!flags.trajectory.empty()) path = [&](const SamplingProgress& p) { trajectory.add(p); };
  const DrawSummary summary = draw(
      *sde, score.get(), flags.plan, common.quiet,
      [&](const DrawnBatch& batch) { sink->add(batch.ids, batch.samples.x); }, path);
  sink->finish();
  if (!flags.trajectory.empty()) trajectory.finish();
  if (common.json)
    print_json(summary_json(flags, summary, resolved));
  else
    fmt::print("{}: {}, {}, {}, {}\n", flags.out, counted(static_cast<long long>(flags.plan.ids.size()), "sample"),
               calibrated.empty() ? resolved.choice.name() : calibrated, cost_text(summary, resolved),
               duration_text(summary.seconds));
  if (summary.failures.empty()) return;
  fail(Failure::numerical, "{} of {} samples failed; {}", summary.failures.size(), flags.plan.ids.size(),
       summary.failures.front());
}

}  // namespace

void add_sample(CLI::App& app, CommonFlags& common) {
  static SampleFlags flags;
  CLI::App* command = add_command(app, common, "sample", "Draw samples from a trained model.",
                                  "scoresde sample runs/fashion --out samples.png -n 64 --solver dpm++2m --nfe 20");
  command->add_option("run", flags.run, "a run folder or a .safetensors file")->required();
  command->add_option("--out", flags.out, "a folder of PNGs, a .png grid, .npz, .npy or .csv")->required();
  command->add_option("-n", flags.n, "how many samples")->check(within(1, 10000000))->capture_default_str();
  command->add_option("--seed", flags.seed, "seed of all noise; sample k of a seed is always the same picture")
      ->check(within(0, 9000000000000000))
      ->capture_default_str();
  command->add_option("--seeds", flags.seeds, "which samples of the seed to draw, such as 0-63 or 1,4,9-12")
      ->excludes("-n");
  command->add_option("--solver", flags.plan.solver, "see `scoresde list solvers`")->capture_default_str();
  command
      ->add_option("--nfe", flags.plan.nfe,
                   "network evaluations a sample, exactly; default 20, or 200 for stochastic solvers")
      ->check(within(1, 1000000));
  command->add_option("--grid", flags.plan.grid, "time grid: see `scoresde list grids`; default: the solver's own");
  command->add_option("--class", flags.guidance.class_label, "class to draw, 0-based")->check(within(0, 1000000));
  command
      ->add_option("--guidance", flags.guidance.weight,
                   "classifier-free guidance: 1 none, above 1 overstates the class; two network passes an evaluation")
      ->check(within(0.0, 1000.0));
  command
      ->add_option("--guidance-interval", flags.guidance.interval,
                   "levels of sigma/alpha at which guidance acts, such as 0.3,5; default: all")
      ->delimiter(',')
      ->expected(2);
  command->add_option("--classifier", flags.guidance.classifier,
                      "a run of `train --net classifier` that guides to --class, --guidance times its gradient");
  command->add_option("--guide", flags.guidance.guide,
                      "autoguidance: a weaker run of the same data and SDE, from which --guidance leads away");
  command->add_option("--from", flags.from, "begin at this picture with noise (SDEdit), not at noise alone");
  command
      ->add_option("--strength", flags.plan.strength,
                   "of --from: 0 leaves the picture, 1 forgets all but its noise level")
      ->check(within(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--temperature", flags.plan.temperature, "scales the prior's standard deviation")
      ->check(within(0.0, 100.0));
  command->add_flag("--uncalibrated", flags.uncalibrated,
                    "with --nfe alone: not the solver and times that `calibrate` stored for it");
  command->add_flag("--stochastic", flags.stochastic, "with --nfe alone: what `calibrate --stochastic` stored for it");
  command->add_flag("--no-denoise", flags.noisy, "do not end with the denoised estimate: saves one evaluation");
  command->add_option("--trajectory", flags.trajectory, "an animation of the first 16 samples on their way: a .gif")
      ->check(ends_in(".gif"));
  command
      ->add_option("--set", flags.settings,
                   "a solver setting such as eta=0.5 (repeatable): see `scoresde list settings`")
      ->take_all();
  command->add_option("--batch", flags.plan.batch, "samples carried together: memory only, never changes a result")
      ->check(within(1, 65536))
      ->capture_default_str();
  command
      ->add_option("--engine", flags.engine.engine,
                   "fast (our own, on the CPU), torch, or auto: fast where it has every op of the network")
      ->check(CLI::IsMember({"auto", "fast", "torch"}))
      ->capture_default_str();
  command->add_option("--device", flags.engine.device, "cpu, or another device that LibTorch has, such as cuda")
      ->capture_default_str();
  command->add_flag("--force", common.force, "overwrite what stands at --out");
  command->callback([command, &common] { run_sample(*command, flags, common); });
}

}  // namespace scoresde
