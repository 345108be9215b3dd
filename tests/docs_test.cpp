#include <gtest/gtest.h>

#include <string>

#include "core/file.h"
#include "test_paths.h"

namespace scoresde {
namespace {

std::string project_text(const std::string& path) { return read_text(std::string(SCORESDE_SOURCE_DIR) + "/" + path); }

/// All ```cpp blocks of a page.
std::vector<std::string> code_blocks(const std::string& page) {
  std::vector<std::string> blocks;
  const std::string fence = "```cpp\n";
  for (std::size_t at = page.find(fence); at != std::string::npos; at = page.find(fence, at)) {
    at += fence.size();
    const std::size_t end = page.find("```", at);
    blocks.push_back(page.substr(at, end - at));
    at = end;
  }
  return blocks;
}

TEST(Docs, TheWorkedExampleOfExtendingIsTheCodeItself) {
  const std::vector<std::string> blocks = code_blocks(project_text("docs/extending.md"));
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(blocks[0], project_text("src/sampler/heun.cpp"));
  const std::string catalog = project_text("src/sampler/catalog.cpp");
  EXPECT_NE(catalog.find(blocks[1]), std::string::npos) << blocks[1];
  EXPECT_NE(catalog.find(blocks[2]), std::string::npos) << blocks[2];
}

}  // namespace
}  // namespace scoresde
