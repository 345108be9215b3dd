#include "cli/calibration_store.h"

#include <algorithm>

#include "core/safetensors.h"

namespace scoresde {
namespace {

CalibrationRow row_of(const Json& json, const Sde& sde) {
  CalibrationRow row;
  row.nfe = json.at("nfe").get<int>();
  row.solver = json.at("solver").get<std::string>();
  row.grid = json.at("grid").get<std::string>();
  row.times = json.at("times").get<std::vector<double>>();
  row.settings = json.at("settings").get<std::vector<std::string>>();
  row.stochastic = json.at("stochastic").get<bool>();
  row.denoise = json.at("denoise").get<bool>();
  if (row.stochastic && row.settings.empty()) fail(Failure::data, "a stochastic solver without its setting");
  if (row.nfe < 1 || row.times.size() < 2 || row.times.size() > 100000)
    fail(Failure::data, "{} times for {} evaluations", row.times.size(), row.nfe);
  for (std::size_t k = 0; k < row.times.size(); ++k)
    if (!(row.times[k] >= sde.t_min() && row.times[k] <= sde.t_max()) || (k > 0 && !(row.times[k] < row.times[k - 1])))
      fail(Failure::data, "the times do not fall from {} to {}", sde.t_max(), sde.t_min());
  return row;
}

Json json_of(const CalibrationRow& row) {
  return {{"nfe", row.nfe},           {"solver", row.solver},         {"grid", row.grid},      {"times", row.times},
          {"settings", row.settings}, {"stochastic", row.stochastic}, {"denoise", row.denoise}};
}

}  // namespace

std::vector<CalibrationRow> read_calibration(const fs::path& run, const Model& model) {
  const fs::path file = model_file(run);
  const auto metadata = read_safetensors_metadata(file);
  const auto found = metadata.find("calibration");
  if (found == metadata.end()) return {};
  const auto sde = make_sde(model.spec.sde);
  std::vector<CalibrationRow> rows;
  try {
    const Json json = parse_json(found->second);
    for (const Json& row : json.at("rows")) rows.push_back(row_of(row, *sde));
  } catch (const Json::exception&) {
    fail(Failure::data, "{}: the metadata entry 'calibration' cannot be read", file.string());
  } catch (const Error& error) {
    fail(Failure::data, "{}: the metadata entry 'calibration': {}", file.string(), error.what());
  }
  return rows;
}

void store_calibration(const fs::path& run, const Model& model, const std::vector<CalibrationRow>& rows) {
  std::vector<CalibrationRow> all = rows;
  for (CalibrationRow& old : read_calibration(run, model))
    if (std::none_of(rows.begin(), rows.end(), [&](const CalibrationRow& row) {
          return row.nfe == old.nfe && row.stochastic == old.stochastic && row.denoise == old.denoise;
        }))
      all.push_back(std::move(old));
  std::sort(all.begin(), all.end(), [](const CalibrationRow& a, const CalibrationRow& b) {
    return std::pair(a.stochastic, a.nfe) < std::pair(b.stochastic, b.nfe);
  });
  Json json = Json::array();
  for (const CalibrationRow& row : all) json.push_back(json_of(row));
  const fs::path file = model_file(run);
  Safetensors content = read_safetensors(file);
  content.metadata["calibration"] = shown({{"scoresde", SCORESDE_VERSION}, {"rows", json}});
  write_safetensors(file, content);
}

std::string apply_calibration(const fs::path& run, const Model& model, DrawPlan& plan, bool stochastic) {
  for (const CalibrationRow& row : read_calibration(run, model)) {
    if (row.nfe != plan.nfe || row.denoise != plan.denoise || row.stochastic != stochastic) continue;
    plan.solver = row.solver;
    plan.times = row.times;
    for (const std::string& setting : row.settings) set(plan.options, setting);
    return fmt::format("{} on calibrated times", row.solver);
  }
  return "";
}

}  // namespace scoresde
