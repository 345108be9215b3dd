#include <gtest/gtest.h>

#include "core/file.h"
#include "core/text.h"
#include "objective/objective_config.h"
#include "test_paths.h"

namespace scoresde {
namespace {

TEST(ObjectiveDocs, HaveARowForEveryObjective) {
  const std::string page = read_text(std::string(SCORESDE_SOURCE_DIR) + "/docs/objectives.md");
  for (const ObjectiveEntry& entry : objectives())
    EXPECT_NE(page.find(fmt::format("\n| `{}` |", entry.name)), std::string::npos) << entry.name;
}

}  // namespace
}  // namespace scoresde
