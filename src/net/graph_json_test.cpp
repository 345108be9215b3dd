#include "net/graph_json.h"

#include <gtest/gtest.h>

#include "net/op_cases.h"

namespace scoresde {
namespace {

// Two networks that compute different things may not look alike: every op with its settings moved away from the usual.
TEST(GraphJson, SaysWhatEveryOpNeeds) {
  for (const OpCase& op : op_cases()) {
    const Graph graph = op.graph();
    const Json json = graph_json(graph);
    ASSERT_EQ(json["nodes"].size(), graph.nodes.size()) << op.name;
    ASSERT_EQ(json["parameters"].size(), graph.parameters.size()) << op.name;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      const Node& node = graph.nodes[i];
      const Json& entry = json["nodes"][i];
      EXPECT_EQ(entry["kind"], kind_name(node.kind)) << op.name;
      EXPECT_EQ(entry["shape"], Json(node.shape)) << op.name;
      EXPECT_EQ(entry.value("inputs", std::vector<int>{}), node.inputs) << op.name;
      EXPECT_EQ(entry.value("parameters", std::vector<int>{}), node.parameters) << op.name;
      EXPECT_EQ(entry.value("stride", 1), node.stride) << op.name;
      EXPECT_EQ(entry.value("padding", 0), node.padding) << op.name;
      EXPECT_EQ(entry.value("padding_after", 0), node.padding_after) << op.name;
      EXPECT_EQ(entry.value("kernel", 1), node.kernel) << op.name;
      EXPECT_EQ(entry.value("dilation", 1), node.dilation) << op.name;
      EXPECT_EQ(entry.value("groups", 1), node.groups) << op.name;
      EXPECT_EQ(entry.value("heads", 1), node.heads) << op.name;
      EXPECT_EQ(entry.value("patch", 1), node.patch) << op.name;
      EXPECT_EQ(entry.value("up", 1), node.up) << op.name;
      EXPECT_EQ(entry.value("scale", 1.0), node.scale) << op.name;
      EXPECT_EQ(entry.value("offset", 0.0), node.offset) << op.name;
      EXPECT_EQ(entry.value("log", false), node.log) << op.name;
      EXPECT_EQ(entry.value("taps", std::vector<double>{}), node.taps) << op.name;
    }
  }
}

}  // namespace
}  // namespace scoresde
