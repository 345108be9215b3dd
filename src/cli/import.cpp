#include <fmt/ranges.h>

#include "cli/app.h"
#include "core/catalog.h"
#include "exchange/import_model.h"
#include "net/presets.h"
#include "train/config.h"

namespace scoresde {
namespace {

struct ImportFlags {
  std::string file, out, preset, config, sde, weights = "ema";
  std::vector<int> size;
  std::vector<std::string> settings;
};

// "net.fir=true" as {"net": {"fir": true}}, checked against all settings there are.
Json setting_table(const std::string& assignment) {
  RunConfig checked;
  set(checked, assignment);
  const std::size_t equals = assignment.find('=');
  Json table = parse_setting(std::string_view(assignment).substr(equals + 1));
  const std::vector<std::string> path = split(std::string_view(assignment).substr(0, equals), '.');
  for (auto part = path.rbegin(); part != path.rend(); ++part) table = Json{{*part, std::move(table)}};
  return table;
}

ImportHints hints_of(const ImportFlags& flags) {
  ImportHints hints;
  if (!flags.preset.empty()) {
    hints.weak = preset_settings(find_entry("preset", presets(), flags.preset));
    RunConfig whole;  // what a preset leaves out it means to be the default
    update(whole, hints.weak);
    hints.weak["sde"] = to_json(whole.sde);
    hints.weak["net"] = to_json(whole.net);
  }
  if (!flags.config.empty()) hints.weak.merge_patch(read_toml(flags.config));
  RunConfig checked;
  update(checked, hints.weak);
  if (!flags.sde.empty()) hints.strong["sde"]["name"] = flags.sde;
  for (const std::string& setting : flags.settings) hints.strong.merge_patch(setting_table(setting));
  update(checked, hints.strong);
  if (!flags.size.empty()) hints.height = flags.size[0];
  if (flags.size.size() > 1) hints.width = flags.size[1];
  return hints;
}

// The run's settings as far as they are known: what trained the model is not in a checkpoint.
RunConfig imported_settings(const ImportHints& hints, const ModelSpec& spec) {
  RunConfig config;
  update(config, hints.weak);
  update(config, hints.strong);
  config.sde = spec.sde;
  config.net = spec.net;
  config.data_std = spec.data_std;
  return config;
}

void require_free_run(const fs::path& out, bool force) {
  require_free(out, force);
  if (!fs::exists(out)) return;
  if (!fs::exists(out / "config.toml") || !fs::exists(out / "checkpoints"))
    fail(Failure::usage, "{} is no run folder, and --force replaces run folders only", out.string());
  fs::remove_all(out);
}

// checkpoints/step_N/model.safetensors are the chosen weights, the others lie beside them.
void write_run(const fs::path& out, const ImportedModel& model, const RunConfig& settings, bool raw) {
  const std::string set = fmt::format("step_{:09}", model.step);
  const fs::path folder = out / "checkpoints" / set;
  fs::create_directories(folder);
  write_model(folder / "model.safetensors", model.spec, raw ? model.raw : model.average);
  if (model.has_average)
    write_model(folder / (raw ? "ema.safetensors" : "raw.safetensors"), model.spec, raw ? model.average : model.raw);
  for (const char* link : {"latest", "best"}) fs::create_directory_symlink(set, out / "checkpoints" / link);
  write_atomically(out / "config.toml", to_toml(settings));
  std::string log = fmt::format("imported {} at step {}\n", model.spec.data, model.step);
  for (const std::string& note : model.notes) log += note + "\n";
  write_atomically(out / "log.txt", log);
}

void show_import(const ImportFlags& flags, const CommonFlags& common, const std::string& format,
                 const ImportedModel& model) {
  const Graph graph = build_net(model.spec.net, model.spec.shape);
  const std::string weights = model.has_average ? flags.weights : "the only ones";
  if (common.json)
    return print_json({{"out", flags.out},
                       {"format", format},
                       {"step", model.step},
                       {"weights", weights},
                       {"parameters", graph.parameter_count()},
                       {"notes", model.notes},
                       {"model", to_json(model.spec)}});
  fmt::print("{}\n  from          {} ({}), step {}\n", flags.out, flags.file, format, grouped(model.step));
  fmt::print("  network       {} for {}: {} parameters in {} tensors\n", model.spec.net.name, to_text(model.spec.shape),
             grouped(graph.parameter_count()), graph.parameters.size());
  fmt::print("  sde           {}\n  weights       {}\n", model.spec.sde.name, weights);
  for (const std::string& note : model.notes) fmt::print("  note          {}\n", note);
}

void run_import(const ImportFlags& flags, const CommonFlags& common) {
  const bool single = flags.out.ends_with(".safetensors"), raw = flags.weights == "raw";
  const ImportHints hints = hints_of(flags);
  if (single) require_free(flags.out, common.force);
  const CheckpointFile file = read_checkpoint_file(flags.file);
  ImportedModel model = import_model(file, hints, flags.file);
  if (raw && !model.has_average) fail(Failure::usage, "{} has one set of weights; leave --weights out", flags.file);
  if (model.spec.data.empty()) model.spec.data = fs::path(flags.file).filename().string();
  const RunConfig settings = imported_settings(hints, model.spec);
  if (model.spec.images_seen == 0) model.spec.images_seen = model.step * settings.batch;
  if (single) {
    write_model(flags.out, model.spec, raw ? model.raw : model.average);
  } else {
    require_free_run(flags.out, common.force);
    write_run(flags.out, model, settings, raw);
  }
  show_import(flags, common, file.format, model);
}

}  // namespace

void add_import(CLI::App& app, CommonFlags& common) {
  static ImportFlags flags;
  CLI::App* command = add_command(app, common, "import", "Read a checkpoint of PyTorch, JAX/flax or safetensors.",
                                  "scoresde import checkpoint_26.pth --preset cifar10-ncsnpp-ve --out runs/song");
  command
      ->add_option("file", flags.file,
                   "a .pth of torch.save (nothing in it is run), a flax checkpoint, or a .safetensors file")
      ->required();
  command->add_option("--out", flags.out, "the run folder to write, or a .safetensors file")->required();
  command->add_option("--preset", flags.preset,
                      "what a checkpoint does not tell: SDE, kind of blocks ...; see `scoresde list presets`");
  command->add_option("--config", flags.config, "the same from a TOML file with tables [sde] and [net]");
  command->add_option("--sde", flags.sde, "see `scoresde list sdes`");
  command->add_option("--size", flags.size, "pixels of the pictures: one number, or height and width")
      ->expected(1, 2)
      ->check(within(1, 65536));
  command->add_option("--weights", flags.weights, "ema or raw: which ones the model samples with")
      ->check(CLI::IsMember({"ema", "raw"}))
      ->capture_default_str();
  command->add_option("--set", flags.settings, "a setting, such as net.fir=true: wins over what the file suggests");
  command->callback([&common] { run_import(flags, common); });
}

}  // namespace scoresde
