#include "cli/restore.h"

#include <algorithm>
#include <cmath>

#include "cli/call.h"
#include "core/catalog.h"
#include "core/clock.h"
#include "inverse/solve.h"
#include "net/model.h"
#include "report/progress.h"

namespace scoresde {
namespace {

/// "auto": a method without derivatives where the measurement is linear.
std::string method_name(const RestoreFlags& flags, const Operator& op) {
  if (flags.method != "auto") return flags.method;
  return op.linear() ? "diffpir" : "dps";
}

/// The best of total variation, its weight chosen by the truth: a harder baseline than any that has to guess it.
Batch best_total_variation(const RestoreInputs& inputs, const RestoreItem& item, const ItemShape& shape) {
  if (item.truth.size() == 0 || !shape.image || !inputs.op->linear()) return {};
  const double norm = operator_norm(*inputs.op);
  Batch best;
  for (const double weight : {3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1}) {
    const Vector data =
        total_variation(*inputs.op, item.y.row(0).transpose().matrix(), shape, weight * norm * norm, 200);
    const Batch row = ((data.array() - inputs.units.shift) / inputs.units.scale).transpose();
    if (best.size() == 0 || (row - item.truth).square().sum() < (best - item.truth).square().sum()) best = row;
  }
  return best;
}

/// The measurement in model units, the model's score and how it is used.
struct RestorePlan {
  MethodChoice method;
  int steps;
  const Sde& sde;
  const Score& score;
  const ItemShape& shape;
};

Restoration restore_item(const RestoreFlags& flags, const RestoreInputs& inputs, const RestoreItem& item,
                         const RestorePlan& plan, Progress& progress, double done) {
  const Measurement measurement = in_model_units(inputs.op, item.y, flags.noise, inputs.units);
  Restoration result{.draws = Batch(flags.samples, plan.score.dimension())};
  for (Index first = 0; first < flags.samples; first += flags.batch) {
    const Index count = std::min<Index>(flags.batch, flags.samples - first);
    std::vector<std::uint64_t> ids;
    for (Index k = 0; k < count; ++k) ids.push_back(item.id * 100000 + static_cast<std::uint64_t>(first + k));
    const CounterNoise noise(static_cast<std::uint64_t>(flags.seed), ids, plan.score.dimension());
    const Samples samples =
        restore({plan.sde, plan.score, noise}, measurement.repeated(count), plan.method, plan.steps,
                [&](const SamplingProgress& p) {
                  if (interrupted()) fail(Failure::run, "interrupted");
                  const double share = static_cast<double>(p.step) / std::max(1, p.steps);
                  progress.update(done + static_cast<double>(first) + static_cast<double>(count) * share,
                                  fmt::format("step {}/{}", p.step, p.steps));
                });
    if (!samples.failures.empty())
      fail(Failure::numerical, "{}",
           to_text(samples.failures.front(), ids[static_cast<std::size_t>(samples.failures.front().row)]));
    result.draws.middleRows(first, count) = samples.x;
  }
  result.maps = posterior_maps(result.draws, flags.level);
  const Vector classical = inputs.op->baseline(item.y.row(0).transpose().matrix(), flags.noise.sigma);
  result.baseline = ((classical.array() - inputs.units.shift) / inputs.units.scale).transpose();
  result.total_variation = best_total_variation(inputs, item, plan.shape);
  result.chi_square = residual_chi_square(measurement.repeated(flags.samples), result.draws);
  result.expected_deviation = std::sqrt(2.0 / static_cast<double>(measurement.y.cols()));
  return result;
}

void apply_settings(RestoreFlags& flags) {
  for (const std::string& setting : flags.settings) set(flags.method_options, setting);
  const std::vector<std::string> reads = split(find_entry("operator", operators(), flags.operator_name).reads, ' ');
  if (std::find(reads.begin(), reads.end(), "seed") != reads.end()) flags.operator_options.seed = flags.seed;
}

/// What can be told wrong before a network is loaded.
MethodChoice checked_method(RestoreFlags& flags, const RestoreInputs& inputs, const ModelSpec& spec) {
  if (flags.class_label >= spec.net.classes)
    fail(Failure::usage, "--class {}: the model knows {}", flags.class_label,
         spec.net.classes == 0 ? "no classes" : fmt::format("classes 0 to {}", spec.net.classes - 1));
  const std::string name = method_name(flags, *inputs.op);
  if (name == "pigdm" && flags.method_options.data_std == MethodOptions{}.data_std)
    flags.method_options.data_std = spec.data_std;
  MethodChoice method(name, flags.method_options);
  if (method.entry().closed_form)
    fail(Failure::usage, "method {} needs a prior in closed form; a network is none", name);
  if (const std::string why = method.obstacle(*inputs.op); !why.empty()) fail(Failure::usage, "{}", why);
  return method;
}

Json restoration_recipe(const CLI::App& command, const RestoreFlags& flags, const Model& model,
                        const RestorePlan& plan) {
  Json recipe = {{"model", model.hash},
                 {"input", flags.input},
                 {"simulated", flags.simulate},
                 {"operator", flags.operator_name},
                 {"operator_options", to_json(flags.operator_options)},
                 {"noise", flags.noise.sigma},
                 {"poisson", flags.noise.peak},
                 {"method", plan.method.entry().name},
                 {"method_options", to_json(plan.method.options())},
                 {"steps", plan.steps},
                 {"nfe", plan.method.evaluations(plan.steps)},
                 {"seed", flags.seed}};
  recipe.update(call_recipe(command));
  return recipe;
}

void restore_items(const CLI::App& command, const RestoreFlags& flags, const CommonFlags& common,
                   const RestoreInputs& inputs, const Model& model, const RestorePlan& plan) {
  const Json recipe = restoration_recipe(command, flags, model, plan);
  const std::string method(plan.method.entry().name);
  const int nfe = plan.method.evaluations(plan.steps);
  Progress progress("restoring", static_cast<double>(inputs.items.size()) * flags.samples, "samples",
                    {.mode = common.quiet ? ProgressMode::quiet : ProgressMode::automatic});
  const Stopwatch watch;
  std::vector<WrittenRestoration> results;
  std::vector<Json> numbers;
  for (const RestoreItem& item : inputs.items) {
    const Restoration result =
        restore_item(flags, inputs, item, plan, progress, static_cast<double>(results.size()) * flags.samples);
    results.push_back(write_restoration(fs::path(flags.out) / item.name, inputs, item, result, model.spec, recipe));
    numbers.push_back(results.back().numbers);
    if (!common.json) print_restoration(item, result, numbers.back(), flags.noise.poisson() ? 1 : flags.noise.sigma);
  }
  const Json summary = restoration_summary(numbers);
  write_restoration_page(fs::path(flags.out) / "report.html", recipe, inputs.items, results, summary);
  if (common.json)
    return print_json({{"out", flags.out},
                       {"method", method},
                       {"steps", plan.steps},
                       {"nfe", nfe},
                       {"seconds", watch.seconds()},
                       {"notes", inputs.notes},
                       {"items", numbers},
                       {"summary", summary}});
  print_restoration_summary(summary, numbers.size());
  fmt::print("{}: {}, {}, {}, {} NFE a sample, {}\n", flags.out, flags.operator_name, method,
             counted(plan.steps, "step"), nfe, duration_text(watch.seconds()));
}

void run_restore(const CLI::App& command, RestoreFlags& flags, const CommonFlags& common) {
  apply_settings(flags);
  check_noise(flags.noise);
  if (fs::exists(flags.out) && !(fs::is_directory(flags.out) && fs::is_empty(flags.out)))
    require_free(flags.out, common.force);
  Model model = read_model(flags.run);
  const auto sde = make_sde(model.spec.sde);
  const RestoreInputs inputs = read_restore_inputs(flags, model.spec);
  const MethodChoice method = checked_method(flags, inputs, model.spec);
  const int steps = method.steps_for(flags.nfe);
  flags.engine.tuning = read_tuning(model_file(flags.run));
  catch_interrupts();
  const auto score = load_score(flags.engine, std::move(model), flags.class_label, thread_count(common),
                                method.entry().gradient ? ScoreUse::vjps : ScoreUse::values);
  if (!common.quiet && !common.json)
    for (const std::string& note : inputs.notes) fmt::print(stderr, "{}\n", note);
  restore_items(command, flags, common, inputs, model, {method, steps, *sde, *score, model.spec.shape});
}

/// A flag for every setting of the operators, with those that read it.
void add_operator_flags(CLI::App& command, RestoreFlags& flags) {
  for_each_setting(OperatorOptions{}, [&](const std::string& name, const Json& value, std::string_view help, Range) {
    if (name == "seed") return;
    std::vector<std::string_view> readers;
    for (const OperatorEntry& entry : operators()) {
      const std::vector<std::string> reads = split(entry.reads, ' ');
      if (std::find(reads.begin(), reads.end(), name) != reads.end()) readers.push_back(entry.name);
    }
    std::string flag = "--" + name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    command.add_option_function<std::string>(
        flag,
        [&flags, name](const std::string& text) {
          const bool list = text.find(',') != std::string::npos && text.front() != '[';
          set(flags.operator_options, name + "=" + (list ? "[" + text + "]" : text));
        },
        fmt::format("{}: {}{}", join(readers), help,
                    value.is_array() ? "" : fmt::format(" (default: {})", shown(value))));
  });
}

}  // namespace

void add_restore(CLI::App& app, CommonFlags& common) {
  static RestoreFlags flags;
  CLI::App* command = add_command(app, common, "restore",
                                  "Draw what a measurement leaves possible: inverse problems, with no retraining.",
                                  "scoresde restore runs/fashion photo.png --operator inpaint --mask mask.png\n"
                                  "  --out restored/\n"
                                  "  scoresde restore runs/fashion fashion-mnist#test:0-15 --simulate\n"
                                  "  --operator super-resolution --factor 4 --noise 0.02 --out restored/");
  command->add_option("run", flags.run, "a run folder or a .safetensors file")->required();
  command
      ->add_option("input", flags.input,
                   "what was measured: a picture, or a .npy; with --simulate a clean picture, or items of a data set "
                   "such as fashion-mnist#test:17 or digits:0-15")
      ->required();
  command->add_option("--operator", flags.operator_name, "what was measured: see `scoresde list operators`")
      ->required();
  command->add_option("--out", flags.out, "a folder: mean, std, quantiles, samples as pictures and arrays")->required();
  command
      ->add_option("--method", flags.method,
                   "see `scoresde list methods`; auto: diffpir, or dps where the measurement is not linear")
      ->capture_default_str();
  command->add_flag("--simulate", flags.simulate, "degrade a clean input first; PSNR, SSIM and coverage are measured");
  command
      ->add_option("--noise", flags.noise.sigma,
                   "standard deviation of the measured values, in the data's units: pictures are from 0 to 1")
      ->capture_default_str();
  command->add_option("--poisson", flags.noise.peak, "Poisson noise in its place: counts of a measured value of 1");
  command->add_option("--samples", flags.samples, "draws of the posterior")
      ->check(within(1, 10000))
      ->capture_default_str();
  command->add_option("--level", flags.level, "of the credible intervals")
      ->check(within(0.01, 0.999))
      ->capture_default_str();
  command->add_option("--nfe", flags.nfe, "network evaluations a sample, at most; default: the method's own")
      ->check(within(1, 1000000));
  command->add_option("--mask", flags.mask, "inpaint: a picture, white where it is seen, or a .npy");
  command->add_option("--matrix", flags.matrix, "matrix: a .npy or .npz, or a .csv of row,column,value (0-based)");
  command->add_option("--maps", flags.maps, "mri: sensitivities of the coils, a .npy of (coils, 2, height, width)");
  add_operator_flags(*command, flags);
  command->add_option("--set", flags.settings, "a method's setting such as eta=0.5 (repeatable): see `list methods`")
      ->take_all();
  command->add_option("--class", flags.class_label, "class to condition the model on, 0-based")
      ->check(within(0, 1000000));
  command->add_option("--seed", flags.seed, "of all noise and random masks")
      ->check(within(0, 9000000000000000))
      ->capture_default_str();
  command->add_option("--batch", flags.batch, "samples carried together: memory only, never changes a result")
      ->check(within(1, 65536))
      ->capture_default_str();
  command->add_option("--engine", flags.engine.engine, "fast (our own, on the CPU), torch, or auto")
      ->check(CLI::IsMember({"auto", "fast", "torch"}))
      ->capture_default_str();
  command->add_option("--device", flags.engine.device, "cpu, or another device that LibTorch has, such as cuda")
      ->capture_default_str();
  command->add_flag("--force", common.force, "overwrite what stands at --out");
  command->callback([command, &common] { run_restore(*command, flags, common); });
}

}  // namespace scoresde
