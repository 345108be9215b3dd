#include "cli/app.h"
#include "exchange/export_model.h"
#include "net/graph_json.h"

namespace scoresde {
namespace {

struct ExportFlags {
  std::string run, out, weights = "ema", checkpoint = "latest";
};

// What lies beside the model: an import keeps raw.safetensors, training state.safetensors.
std::map<std::string, Tensor> raw_weights(const fs::path& folder) {
  if (fs::exists(folder / "raw.safetensors")) return read_safetensors(folder / "raw.safetensors").tensors;
  std::map<std::string, Tensor> result;
  if (!fs::exists(folder / "state.safetensors")) return result;
  constexpr std::string_view prefix = "weights/";
  for (auto& [name, tensor] : read_safetensors(folder / "state.safetensors").tensors)
    if (name.starts_with(prefix)) result[name.substr(prefix.size())] = std::move(tensor);
  return result;
}

// "checkpoints/latest" is a link to "step_000001234".
long long step_of(const fs::path& folder) {
  std::error_code error;
  const std::string name = fs::canonical(folder, error).filename().string();
  long long step = 0;
  return !error && name.starts_with("step_") && parse_number(std::string_view(name).substr(5), step) ? step : 0;
}

void run_export(const ExportFlags& flags, const CommonFlags& common) {
  require_free(flags.out, common.force);
  const fs::path file = model_file(flags.run, flags.checkpoint);
  const Model model = read_model(file);
  ExportedWeights weights{model.weights, {}, 0};
  if (fs::is_directory(flags.run)) {
    weights.raw = raw_weights(file.parent_path());
    weights.step = step_of(file.parent_path());
  }
  if (flags.weights == "raw") {
    if (weights.raw.empty()) fail(Failure::usage, "{} keeps no raw weights", flags.run);
    weights.average = weights.raw;
  }
  const std::string extension = fs::path(flags.out).extension().string();
  std::string format = "diffusers";
  if (extension == ".safetensors") {
    format = "safetensors";
    write_model(flags.out, model.spec, weights.average);
  } else if (extension == ".json") {
    format = "graph";
    write_atomically(flags.out, shown(graph_json(build_net(model.spec.net, model.spec.shape))) + "\n");
  } else if (extension == ".pth" || extension == ".pt" || extension == ".ckpt") {
    format = "torch";
    export_torch(flags.out, model.spec, weights);
  } else {
    export_diffusers(flags.out, model.spec, weights.average);
  }
  if (common.json) return print_json({{"out", flags.out}, {"format", format}, {"step", weights.step}});
  fmt::print("{}: {} ({} weights)\n", flags.out, format, flags.weights);
}

}  // namespace

void add_export(CLI::App& app, CommonFlags& common) {
  static ExportFlags flags;
  CLI::App* command = add_command(app, common, "export", "Write a model for other programs.",
                                  "scoresde export runs/song --out song.pth");
  command->add_option("run", flags.run, "a run folder or a .safetensors file")->required();
  command
      ->add_option("--out", flags.out,
                   "a .safetensors file; a .pth that torch.load reads, in score_sde's layout; a .json with the "
                   "network alone, op by op; or a folder for diffusers' UNet2DModel")
      ->required();
  command->add_option("--weights", flags.weights, "ema or raw")
      ->check(CLI::IsMember({"ema", "raw"}))
      ->capture_default_str();
  command->add_option("--checkpoint", flags.checkpoint, "latest or best of a run folder")
      ->check(CLI::IsMember({"latest", "best"}))
      ->capture_default_str();
  command->callback([&common] { run_export(flags, common); });
}

}  // namespace scoresde
