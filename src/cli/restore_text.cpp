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
        "residual: {:.2g} of the measurement's energy is left{}", value,
        value > 1e-3 ? "\nWARNING: without --noise it should be explained fully; try another --method" : "");
  const double margin = 0.1 + 5 * result.expected_deviation;
  const std::string verdict =
      value > 1 + margin ? "\nWARNING: the measurement is not explained; try more --nfe or another --method" : "";
  return fmt::format("residual chi-square: {:.3f} a value, 1 +- {:.3f} where the noise explains it{}", value,
                     result.expected_deviation, verdict);
}

}  // namespace

Table quality_table(const Json& numbers) {
  struct Column {
    std::string key, title;
    int digits;
  };
  std::vector<Column> columns;
  for (const Column& column : {Column{"psnr", "PSNR (dB)", 2}, {"ssim", "SSIM", 3}, {"rmse", "RMSE", 4}})
    if (numbers.contains("mean") && numbers["mean"].contains(column.key)) columns.push_back(column);
  Table table{{""}, {}};
  for (const Column& column : columns) table.header.push_back(column.title);
  for (const char* row : {"mean", "sample", "baseline", "total variation"}) {
    if (!numbers.contains(row)) continue;
    table.rows.push_back({row});
    for (const Column& column : columns) {
      const Json& number = numbers[row][column.key];
      table.rows.back().push_back(number.is_object()
                                      ? fmt::format("{:.{}f} ± {:.{}f}", number["value"].get<double>(), column.digits,
                                                    number["error"].get<double>(), column.digits)
                                      : fmt::format("{:.{}f}", number.get<double>(), column.digits));
    }
  }
  return table;
}

void print_restoration(const RestoreItem& item, const Restoration& result, const Json& json, double sigma) {
  if (!item.name.empty()) fmt::print("item {}: ", item.name);
  fmt::print("{}\n", residual_text(result, sigma));
  if (!json.contains("mean")) return;
  fmt::print("{}", text_table(quality_table(json)));
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
  Table table = quality_table(summary);
  table.header.front() = fmt::format("mean of {}", items);
  fmt::print("{}", text_table(table));
}

void write_restoration_page(const fs::path& file, const Json& recipe, const std::vector<RestoreItem>& items,
                            const std::vector<WrittenRestoration>& results, const Json& summary) {
  const auto word = [&](const std::string& key) {
    return recipe[key].is_string() ? recipe[key].get<std::string>() : shown(recipe[key]);
  };
  ReportData page;
  page.title = fmt::format("{}: {}", word("operator"), word("input"));
  page.subtitle = "What a measurement leaves possible: draws of a model that was never trained for this task.";
  page.facts = {{"operator", word("operator")}, {"method", word("method")}, {"evaluations a sample", word("nfe")}};
  page.facts.push_back(recipe["poisson"] > 0 ? Fact{"Poisson noise, peak", word("poisson")}
                                             : Fact{"noise", word("noise")});
  if (!summary.is_null())
    page.tables.push_back({fmt::format("Mean of {} items", items.size()),
                           "PSNR and SSIM against the truth, with standard errors; the posterior's mean is what they "
                           "reward, a sample is what the posterior looks like.",
                           quality_table(summary)});
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Json& numbers = results[i].numbers;
    ReportGallery gallery{.title = items[i].name.empty() ? "Restored" : "Item " + items[i].name,
                          .note = {},
                          .gallery = results[i].pictures};
    gallery.note = fmt::format("Residual chi-square {:.3f} a value.", numbers["chi_square"].get<double>());
    if (numbers.contains("mean") && numbers["mean"].contains("psnr"))
      gallery.note += fmt::format(" PSNR of the mean {:.2f} dB, of the baseline {:.2f} dB.",
                                  numbers["mean"]["psnr"].get<double>(), numbers["baseline"]["psnr"].get<double>());
    if (results.size() == 1 && numbers.contains("mean")) page.tables.push_back({"Quality", "", quality_table(numbers)});
    page.galleries.push_back(std::move(gallery));
  }
  for (const auto& [key, value] : recipe.items())
    if (!value.is_structured()) page.versions.push_back({key, word(key)});  // settings are in result.json
  write_report(file, page);
}

}  // namespace scoresde
