#include "net/graph_json.h"

namespace scoresde {
namespace {

Json node_json(const Node& node) {
  Json json = {{"kind", kind_name(node.kind)}, {"name", node.name}, {"shape", node.shape}};
  const auto put = [&](const char* key, const auto& value, const auto& usual) {
    if (value != usual) json[key] = value;
  };
  const Node usual{node.kind};
  put("inputs", node.inputs, usual.inputs);
  put("parameters", node.parameters, usual.parameters);
  put("groups", node.groups, usual.groups);
  put("stride", node.stride, usual.stride);
  put("padding", node.padding, usual.padding);
  put("padding_after", node.padding_after, usual.padding_after);
  put("dilation", node.dilation, usual.dilation);
  put("kernel", node.kernel, usual.kernel);
  put("heads", node.heads, usual.heads);
  put("patch", node.patch, usual.patch);
  put("up", node.up, usual.up);
  put("scale", node.scale, usual.scale);
  put("offset", node.offset, usual.offset);
  put("log", node.log, usual.log);
  put("taps", node.taps, usual.taps);
  return json;
}

}  // namespace

Json graph_json(const Graph& graph) {
  Json json = {{"input_shape", graph.input_shape},       {"classes", graph.classes},    {"energy", graph.energy},
               {"multiply_adds", graph.multiply_adds()}, {"parameters", Json::array()}, {"nodes", Json::array()}};
  for (const Parameter& parameter : graph.parameters)
    json["parameters"].push_back({{"name", parameter.name}, {"shape", parameter.shape}});
  for (const Node& node : graph.nodes) json["nodes"].push_back(node_json(node));
  return json;
}

}  // namespace scoresde
