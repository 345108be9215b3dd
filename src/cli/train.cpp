#include <unistd.h>

#include "cli/app.h"
#include "cli/call.h"
#include "cli/outputs.h"
#include "cli/torch_backend.h"
#include "core/catalog.h"
#include "data/image.h"
#include "net/presets.h"
#include "report/progress.h"
#include "report/table.h"

namespace scoresde {
namespace {

struct TrainFlags {
  std::string data, out, preset, config, sde, net, objective, device;
  std::vector<std::string> settings;
  double minutes = 0, lr = 0;
  long long images = 0, seed = -1;
  int batch = 0;
  bool resume = false, dry_run = false, show_settings = false, exact = false;
};

// Defaults, then the preset, then the file, then the flags, then --set: the later wins.
RunConfig run_config(const TrainFlags& flags) {
  RunConfig config;
  // A resumed run begins from its own settings, so that nothing has to be said twice.
  const fs::path own = fs::path(flags.out) / "config.toml";
  if (flags.resume && fs::exists(own)) update(config, read_toml(own.string()));
  if (!flags.preset.empty()) update(config, preset_settings(find_entry("preset", presets(), flags.preset)));
  if (!flags.config.empty()) {
    const Json file = read_toml(flags.config);
    try {
      update(config, file);
    } catch (const Error& error) {
      fail(Failure::usage, "{}: {}", flags.config, error.what());
    }
  }
  if (!flags.data.empty()) config.data.source = flags.data;
  if (config.data.source.empty())
    fail(Failure::usage, "DATA is missing: a named set (see `scoresde list data`) or a path");
  if (!flags.sde.empty()) config.sde.name = flags.sde;
  if (!flags.net.empty()) config.net.name = flags.net;
  if (!flags.objective.empty()) config.objective.name = flags.objective;
  if (!flags.device.empty()) config.device = flags.device;
  if (flags.batch > 0) config.batch = flags.batch;
  if (flags.lr > 0) config.optimizer.lr = flags.lr;
  if (flags.seed >= 0) config.seed = flags.seed;
  if (flags.minutes > 0 || flags.images > 0) config.budget = {flags.minutes, flags.images};
  if (flags.exact) config.exact = true;
  for (const std::string& setting : flags.settings) set(config, setting);
  make_sde(config.sde);  // unknown names are told before any data is read
  find_entry("network", nets(), config.net.name);
  find_entry("objective", objectives(), config.objective.name);
  return config;
}

void show_settings() {
  Table table{{"setting", "default", "meaning"}, {}};
  for_each_setting(RunConfig{}, [&](const std::string& name, const Json& value, std::string_view help, Range) {
    table.rows.push_back({name, shown(value), std::string(help)});
  });
  fmt::print("{}", text_table(table));
}

void show_forecast(const TrainForecast& f, const CommonFlags& common) {
  if (common.json)
    return print_json({{"config", to_json(f.config)},
                       {"parameters", f.parameters},
                       {"multiply_adds", f.multiply_adds},
                       {"items", f.items},
                       {"memory_bytes", f.memory_bytes},
                       {"seconds_per_step", f.seconds_per_step},
                       {"images_per_second", f.images_per_second},
                       {"seconds", f.seconds},
                       {"images", f.images}});
  fmt::print("{}\n# A dry run: nothing was written.\n", to_toml(f.config));
  fmt::print("#   data         {} items\n", grouped(f.items));
  fmt::print("#   network      {} parameters, {:.1f} million multiply-adds a sample\n", grouped(f.parameters),
             static_cast<double>(f.multiply_adds) / 1e6);
  fmt::print("#   memory       about {:.1f} GB\n", f.memory_bytes / 1e9);
  const double machine = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  if (f.memory_bytes > machine && f.config.batch > 1)
    fmt::print(
        "#                more than the {:.1f} GB of this machine: {} items in {} passes give the same update,\n"
        "#                with --set batch={} --set accumulation={}\n",
        machine / 1e9, f.config.batch * f.config.accumulation, 2 * f.config.accumulation, (f.config.batch + 1) / 2,
        2 * f.config.accumulation);
  fmt::print("#   speed        {} a step of {} items, measured here: {:.{}f} items a second\n",
             duration_text(f.seconds_per_step), f.config.batch, f.images_per_second, f.images_per_second < 10 ? 3 : 0);
  if (f.images > 0) fmt::print("#   the budget   {} items in {}\n", grouped(f.images), duration_text(f.seconds));
}

// Fixed seeds, from the averaged and from the raw weights, so that the pictures of two steps can be compared.
void write_sample_grids(const TrainSnapshot& snapshot, const fs::path& folder) {
  const ItemShape& shape = snapshot.spec.shape;
  if (!shape.image && shape.size() != 2) return;
  DrawPlan plan{.nfe = 16};
  for (std::uint64_t k = 0; k < (shape.image ? 16u : 1000u); ++k) plan.ids.push_back(k);
  plan.batch = 1000;
  const auto write = [&](const char* name, const Score& score, const std::string& hash) {
    Json how = recipe(hash, snapshot.sde, plan, resolve(snapshot.sde, plan), -1, 1);
    how.update({{"run", folder.parent_path().string()},
                {"engine", "torch"},
                {"step", snapshot.step},
                {"weights", name},
                {"samples", plan.ids}});
    draw(snapshot.sde, score, plan, true, [&](const DrawnBatch& batch) {
      write_png(folder / fmt::format("step_{:08}_{}.png", snapshot.step, name),
                picture_of_samples(batch.samples.x, shape), recipe_text(how));
    });
  };
  write("ema", snapshot.average, snapshot.average_hash);
  write("raw", snapshot.raw, snapshot.raw_hash);
}

Json result_json(const TrainResult& r) {
  const auto number = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  return {{"outcome", r.outcome == TrainOutcome::done          ? "done"
                      : r.outcome == TrainOutcome::interrupted ? "interrupted"
                                                               : "numerical failure"},
          {"steps", r.steps},
          {"images", r.images},
          {"bad_steps", r.bad_steps},
          {"parameters", r.parameters},
          {"seconds", r.seconds},
          {"loss", number(r.loss)},
          {"validation", number(r.validation)},
          {"accuracy", number(r.accuracy)},
          {"model", r.model.string()}};
}

void run_train(const TrainFlags& flags, const CommonFlags& common) {
  if (flags.show_settings) return show_settings();
  if (flags.out.empty() && !flags.dry_run) fail(Failure::usage, "--out RUN is missing: the folder to train in");
  const RunConfig config = run_config(flags);
  TrainOptions options{.out = flags.out, .resume = flags.resume, .force = common.force};
  options.threads = thread_count(common);
  if (flags.dry_run) return show_forecast(torch_backend().forecast(config, options, options.threads), common);
  if (flags.resume && !fs::exists(options.out / "checkpoints") && !common.quiet)
    fmt::print(stderr, "{} has no checkpoint to resume: training begins\n", flags.out);
  catch_interrupts();
  options.stop = &interrupted();
  Progress progress("training", static_cast<double>(config.budget.images), "items",
                    {.mode = common.quiet ? ProgressMode::quiet : ProgressMode::automatic});
  options.on_progress = [&](const TrainStatus& s) {
    progress.update(static_cast<double>(s.images), fmt::format("loss {:.4f}", s.loss), s.eta_seconds);
  };
  options.on_message = [&](const std::string& message) {
    if (!common.quiet) progress.note(message);
  };
  options.on_samples = [&](const TrainSnapshot& s) { write_sample_grids(s, options.out / "samples"); };
  const TrainResult result = torch_backend().train(config, options, options.threads);
  progress.finish();
  if (common.json)
    print_json(result_json(result));
  else if (result.outcome != TrainOutcome::numerical_failure)
    fmt::print("{}\n", result.model.string());
  if (result.outcome == TrainOutcome::numerical_failure) fail(Failure::numerical, "{}", result.message);
  if (result.outcome != TrainOutcome::interrupted) return;
  fmt::print(stderr, "to go on: scoresde train {} --out {} --resume\n", config.data.source, flags.out);
  std::exit(exit_interrupted);
}

}  // namespace

void add_train(CLI::App& app, CommonFlags& common) {
  static TrainFlags flags;
  CLI::App* command = add_command(app, common, "train", "Train a score model on your own data.",
                                  "scoresde train digits --preset digits --minutes 2 --out runs/digits");
  command->add_option("data", flags.data,
                      "a named set (see `scoresde list data`) or a path; #train or #test picks a split");
  command->add_option("--out", flags.out, "the run folder");
  command->add_option("--preset", flags.preset, "a starting point: see `scoresde list presets`");
  command->add_option("--config", flags.config, "settings in a TOML file");
  command->add_option("--set", flags.settings, "one setting, such as net.channels=64 (repeatable)")->take_all();
  command->add_flag("--settings", flags.show_settings, "list every setting with its default and meaning");
  command->add_option("--minutes", flags.minutes, "budget in minutes of wall time")->check(within(1e-9, 1e15));
  command->add_option("--images", flags.images, "budget in training items")->check(within(1, 1e15));
  command->add_option("--sde", flags.sde, "see `scoresde list sdes`");
  command->add_option("--net", flags.net, "see `scoresde list nets`");
  command->add_option("--objective", flags.objective, "see `scoresde list objectives`");
  command->add_option("--batch", flags.batch, "items a step")->check(within(1, 1000000));
  command->add_option("--lr", flags.lr, "learning rate")->check(within(1e-9, 1e15));
  command->add_option("--seed", flags.seed, "of weights, data order and noise")->check(within(0, 9000000000000000));
  command->add_option("--device", flags.device, "cpu, or another device that LibTorch has, such as cuda");
  command->add_flag("--exact", flags.exact,
                    "networks by LibTorch alone, not by the engine: slower, see docs/training.md");
  command->add_flag("--resume", flags.resume, "go on from the last checkpoint");
  command->add_flag("--dry-run", flags.dry_run, "print the resolved settings, memory and time; write nothing");
  command->add_flag("--force", common.force, "replace an existing run");
  command->callback([&common] { run_train(flags, common); });
}

}  // namespace scoresde
