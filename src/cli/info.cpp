#include <fmt/format.h>

#include "cli/app.h"
#include "cli/calibration_store.h"
#include "net/model.h"

namespace scoresde {
namespace {

struct InfoFlags {
  std::string path;
};

void show_info(const InfoFlags& flags, const CommonFlags& common) {
  const Model model = read_model(flags.path);
  const Graph graph = build_net(model.spec.net, model.spec.shape);
  if (common.json) {
    Json json = to_json(model.spec);
    json["parameters"] = graph.parameter_count();
    json["multiply_adds"] = graph.multiply_adds();
    json["hash"] = model.hash;
    return print_json(json);
  }
  fmt::print("{}\n", flags.path);
  fmt::print("  sample        {}\n", to_text(model.spec.shape));
  fmt::print("  trained on    {}, {} items seen\n", model.spec.data, grouped(model.spec.images_seen));
  fmt::print("  sde           {}\n", model.spec.sde.name);
  const bool classifies = !graph.gives_score();
  fmt::print("  network       {}{}: {} parameters in {} tensors\n", model.spec.net.name,
             classifies ? "" : " predicting " + model.spec.net.prediction, grouped(graph.parameter_count()),
             graph.parameters.size());
  fmt::print("  cost          {:.1f} million multiply-adds an evaluation of one sample\n",
             static_cast<double>(graph.multiply_adds()) / 1e6);
  if (!model.spec.class_names.empty()) fmt::print("  classes       {}\n", fmt::join(model.spec.class_names, ", "));
  if (!classifies)
    for (const CalibrationRow& row : read_calibration(flags.path, model))
      fmt::print("  calibrated    {} NFE: {}{}\n", row.nfe, row.solver,
                 row.stochastic ? ", " + row.settings.front() : "");
  fmt::print("  hash          {}\n\n{}", model.hash, to_toml(model.spec));
}

}  // namespace

void add_info(CLI::App& app, CommonFlags& common) {
  static InfoFlags flags;
  CLI::App* command =
      add_command(app, common, "info", "Look inside a checkpoint or a run folder.", "scoresde info runs/fashion");
  command->add_option("path", flags.path, "a run folder or a .safetensors file")->required();
  command->callback([&common] { show_info(flags, common); });
}

}  // namespace scoresde
