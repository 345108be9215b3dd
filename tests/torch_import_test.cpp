#include <gtest/gtest.h>

#include <cmath>

#include "exchange/import_model.h"
#include "nn/network.h"
#include "test_paths.h"

namespace scoresde {
namespace {

std::string checkpoint_path(const std::string& name) {
  return std::string(SCORESDE_SOURCE_DIR) + "/tests/checkpoints/" + name;
}

// The network's raw output for x = 0.5 + 0.4 cos(0.3 + 1.7 j) and the recorded labels.
Tensor recorded_output(const ModelSpec& spec, const std::map<std::string, Tensor>& weights, const Json& record,
                       at::ScalarType dtype) {
  const Graph graph = build_net(spec.net, spec.shape);
  std::vector<at::Tensor> parameters;
  for (const Parameter& parameter : graph.parameters)
    parameters.push_back(from_tensor(weights.at(parameter.name), dtype));
  std::vector<double> x(static_cast<std::size_t>(2 * spec.shape.size()));
  for (std::size_t j = 0; j < x.size(); ++j) {
    x[j] = static_cast<float>(0.5 + 0.4 * std::cos(0.3 + 1.7 * static_cast<double>(j)));
    if (!record["centered"].get<bool>()) x[j] = 2 * x[j] - 1;  // their networks do so themselves
  }
  auto labels = record["labels"].get<std::vector<double>>();
  if (spec.net.prediction == "song-level")  // theirs are places in the table, ours parts of the way through it
    for (double& label : labels) label /= spec.net.levels - 1;
  const at::NoGradGuard no_grad;
  const at::Tensor output =
      evaluate(graph, parameters, from_tensor(Tensor::of({2, 3, 8, 8}, std::span<const double>(x)), dtype),
               from_tensor(Tensor::of({2}, std::span<const double>(labels)), dtype), {}, {});
  return to_tensor(output.to(at::kDouble));
}

// Relative to the largest output. Measured 5e-6 (VP) and 9.6e-6 (VE), whatever our precision: the reference computes
// sin(2 pi W ln sigma) in float32, which is 9.5e-6 off at sigma 5.
void expect_recorded(const Tensor& output, const Json& recorded, const std::string& what) {
  const auto wanted = recorded.get<std::vector<double>>();
  ASSERT_EQ(output.f64().size(), wanted.size());
  double worst = 0, largest = 0;
  for (std::size_t j = 0; j < wanted.size(); ++j) {
    worst = std::max(worst, std::abs(output.f64()[j] - wanted[j]));
    largest = std::max(largest, std::abs(wanted[j]));
  }
  EXPECT_LT(worst, 1e-5 * largest) << what;
  testing::Test::RecordProperty(what, fmt::format("{:.2e}", worst / largest));
}

TEST(ImportedCheckpoint, GivesTheRecordedOutputs) {
  for (const auto& [name, sde, fir] :
       {std::tuple{"ddpmpp_vp_tiny", "vp", false}, std::tuple{"ncsnpp_ve_tiny_legacy", "ve", true},
        std::tuple{"ncsnv2_tiny_legacy", "ve", true}}) {
    const std::string file = checkpoint_path(std::string(name) + ".pth");
    ImportHints hints;
    hints.weak = {{"sde", {{"name", sde}}}, {"net", {{"fir", fir}}}};
    hints.height = 8;
    const ImportedModel model = import_model(read_checkpoint_file(file), hints, file);
    const Json record = parse_json(read_text(checkpoint_path(std::string(name) + ".json")));
    for (const at::ScalarType dtype : {at::kDouble, at::kFloat}) {
      const std::string what = std::string(name) + (dtype == at::kFloat ? "_float_" : "_double_");
      expect_recorded(recorded_output(model.spec, model.raw, record, dtype), record["out_raw"], what + "raw");
      expect_recorded(recorded_output(model.spec, model.average, record, dtype), record["out_ema"], what + "ema");
    }
  }
}

}  // namespace
}  // namespace scoresde
