#include <cmath>

#include "cli/restore.h"
#include "report/table.h"

namespace scoresde {
namespace {

/// Whether the draws' residuals are as large as the noise, in a sentence. Draws of the posterior may fit a little
/// better or worse than the noise alone says: 5 of its deviations and a tenth are allowed.
std::string residual_text(const Restoration& result, double sigma) {
  const double value = result.chi_square.mean();
  if (!(sigma > 0))
    return fmt::format(
        "residual: {:.2g} of the measurement's energy is not explained{}", value,
        value > 1e-3 ? "\nWARNING: without --noise it should be explained fully; try another --method" : "");
  const double margin = 0.1 + 5 * result.expected_deviation;
  const std::string verdict =
      value > 1 + margin ? "\nWARNING: the measurement is not explained; try more --nfe or another --method" : "";
  return fmt::format("residual chi-square: {:.3f} a value, 1 +- {:.3f} where the noise explains it{}", value,
                     result.expected_deviation, verdict);
}

}  // namespace

void print_restoration(const RestoreItem& item, const Restoration& result, const Json& json, double sigma) {
  if (!item.name.empty()) fmt::print("item {}: ", item.name);
  fmt::print("{}\n", residual_text(result, sigma));
  if (!json.contains("mean")) return;
  Table table{{"", "", ""}, {}};
  const bool picture = json["mean"].contains("psnr");
  table.header = picture ? std::vector<std::string>{"", "PSNR (dB)", "SSIM"} : std::vector<std::string>{"", "RMSE"};
  for (const char* row : {"mean", "sample", "baseline", "total variation"})
    if (json.contains(row))
      table.rows.push_back(picture
                               ? std::vector<std::string>{row, fmt::format("{:.2f}", json[row]["psnr"].get<double>()),
                                                          fmt::format("{:.3f}", json[row]["ssim"].get<double>())}
                               : std::vector<std::string>{row, fmt::format("{:.4f}", json[row]["rmse"].get<double>())});
  fmt::print("{}", text_table(table));
  if (json.contains("coverage"))
    fmt::print("{:.1f} % of the true values lie in their credible intervals; {:.1f} % are expected\n",
               100 * json["coverage"].get<double>(), 100 * json["coverage_expected"].get<double>());
}

Json restoration_summary(const std::vector<Json>& items) {
  Json summary;
  for (const char* what : {"mean", "sample", "baseline", "total variation"})
    for (const char* number : {"psnr", "ssim", "rmse"}) {
      std::vector<double> values;
      for (const Json& item : items)
        if (item.contains(what) && item[what].contains(number)) values.push_back(item[what][number].get<double>());
      if (values.size() < 2) continue;
      const double n = static_cast<double>(values.size());
      double mean = 0, square = 0;
      for (const double v : values) mean += v / n;
      for (const double v : values) square += (v - mean) * (v - mean) / (n - 1);
      summary[what][number] = {{"value", mean}, {"error", std::sqrt(square / n)}};
    }
  return summary;
}

void print_restoration_summary(const Json& summary, std::size_t items) {
  if (summary.is_null()) return;
  Table table{{fmt::format("mean of {}", items)}, {}};
  for (const auto& [name, number] : summary.front().items())
    table.header.push_back(name == "psnr" ? "PSNR (dB)" : name);
  for (const auto& [what, numbers] : summary.items()) {
    std::vector<std::string> row = {what};
    for (const auto& [name, number] : numbers.items())
      row.push_back(fmt::format("{:.3f} ± {:.3f}", number["value"].get<double>(), number["error"].get<double>()));
    table.rows.push_back(row);
  }
  fmt::print("{}", text_table(table));
}

}  // namespace scoresde
