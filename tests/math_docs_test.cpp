#include <gtest/gtest.h>

#include "core/file.h"
#include "core/text.h"
#include "features/features.h"
#include "likelihood/dequantise.h"
#include "likelihood/divergence.h"
#include "metrics/metric.h"
#include "ode/ode.h"
#include "sde/grid.h"
#include "sde/sde.h"
#include "test_paths.h"

namespace scoresde {
namespace {

// The row of a Markdown table whose first cell is `name`; "" where there is none.
std::string row_of(const std::string& page, std::string_view name) {
  for (const std::string& line : split(page, '\n'))
    if (line.starts_with(fmt::format("| `{}` |", name))) return line;
  return "";
}

TEST(MathDocs, HaveARowForEverySdeWithItsTimes) {
  const std::string page = read_text(std::string(SCORESDE_SOURCE_DIR) + "/docs/math.md");
  for (const SdeEntry& entry : sdes()) {
    const std::string row = row_of(page, entry.name);
    ASSERT_NE(row, "") << entry.name;
    if (entry.name == "table") continue;
    SdeConfig config;
    config.name = entry.name;
    const auto sde = make_sde(config);
    const std::string times = fmt::format("| {}, {}, {} |", sde->t_min(), sde->t_end(), sde->t_max());
    EXPECT_NE(row.find(times), std::string::npos) << times << " in " << row;
    const bool unit_prior = row.find("| 1 | " + times.substr(2)) != std::string::npos;
    EXPECT_EQ(unit_prior, sde->prior_std() == 1) << row;
  }
  for (const GridEntry& entry : grids()) EXPECT_NE(row_of(page, entry.name), "") << entry.name;
}

TEST(MathDocs, NameEveryMetricAndFeatureSpace) {
  const std::string math = read_text(std::string(SCORESDE_SOURCE_DIR) + "/docs/math.md"),
                    evaluation = read_text(std::string(SCORESDE_SOURCE_DIR) + "/docs/evaluation.md");
  for (const MetricEntry& entry : metrics())
    EXPECT_NE(math.find(fmt::format("`{}`", entry.name)), std::string::npos) << entry.name;
  for (const FeatureEntry& entry : feature_spaces())
    EXPECT_NE(evaluation.find(fmt::format("| `{}", entry.name)), std::string::npos) << entry.name;
}

TEST(MathDocs, NameEveryPartOfALikelihood) {
  const std::string page = read_text(std::string(SCORESDE_SOURCE_DIR) + "/docs/math.md");
  const auto expect_named = [&](std::string_view name) {
    EXPECT_NE(page.find(fmt::format("`{}`", name)), std::string::npos) << name;
  };
  for (const DivergenceEntry& entry : divergences()) expect_named(entry.name);
  for (const DequantisationEntry& entry : dequantisations()) expect_named(entry.name);
  for (const IntegratorEntry& entry : integrators()) expect_named(entry.name);
}

}  // namespace
}  // namespace scoresde
