#include <ATen/ops/isfinite.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "train/learn.h"

namespace scoresde {
namespace {

bool all_finite(const at::Tensor& tensor) { return at::isfinite(tensor).all().item<bool>(); }

// "item 17 at t = 0.25, item 3 at t = 0.5 and 4 more": the samples of a batch whose row of `values` is not finite.
std::string bad_samples(const ItemBatch& batch, const Losses& losses, const at::Tensor& values) {
  const at::Tensor good = at::isfinite(values).flatten(1).all(1);
  std::string text;
  int bad = 0;
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    if (good[static_cast<std::int64_t>(i)].item<bool>()) continue;
    if (++bad > 4) continue;
    text += fmt::format("{}item {}", bad > 1 ? ", " : "", batch.items[i]);
    if (losses.t.size() > 0) text += fmt::format(" at t = {:.6g}", losses.t[static_cast<Index>(i)]);
  }
  return bad > 4 ? fmt::format("{} and {} more", text, bad - 4) : text;
}

std::string step_text(long long step, const ItemBatch& batch) {
  return fmt::format("step {} (samples {} to {})", step, batch.samples.front(), batch.samples.back());
}

}  // namespace

std::string unmet_attention(const NetConfig& config, const Graph& graph) {
  std::vector<std::int64_t> heights;  // of the maps in blocks, from the finest down
  for (const Node& node : graph.nodes)
    if (node.kind == OpKind::group_norm && node.shape.size() == 3 &&
        std::find(heights.begin(), heights.end(), node.shape[1]) == heights.end())
      heights.push_back(node.shape[1]);
  for (int wanted : config.attention)
    if (!heights.empty() && std::find(heights.begin(), heights.end(), wanted) == heights.end())
      return fmt::format("net.attention: no map of height {}; there are {}", wanted, fmt::join(heights, ", "));
  return "";
}

std::string first_not_finite(const Graph& graph, const std::vector<at::Tensor>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (!all_finite(parameters[i])) return graph.parameters[i].name;
  return "";
}

std::string explain_bad_loss(long long step, const ItemBatch& batch, const Losses& losses, const Network& network) {
  const std::string where = step_text(step, batch);
  if (!all_finite(batch.x0))
    return fmt::format("{}: the data is not finite: {}", where, bad_samples(batch, losses, batch.x0));
  const std::string lost = first_not_finite(network.graph(), network.parameters());
  if (!lost.empty()) return fmt::format("{}: parameter {} is not finite", where, lost);
  if (losses.output.defined() && !all_finite(losses.output))
    return fmt::format("{}: the network's output is not finite: {}", where, bad_samples(batch, losses, losses.output));
  return fmt::format("{}: the loss is not finite: {}", where,
                     bad_samples(batch, losses, losses.values.reshape({-1, 1})));
}

std::string explain_bad_gradient(long long step, const ItemBatch& batch, const Losses& losses,
                                 const std::vector<std::string>& names, const std::vector<at::Tensor>& gradients) {
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined() || all_finite(gradients[i])) continue;
    const std::string times =
        losses.t.size() == 0 ? "" : fmt::format("; t from {:.6g} to {:.6g}", losses.t.minCoeff(), losses.t.maxCoeff());
    return fmt::format("{}: the gradient of {} is not finite{}", step_text(step, batch), names[i], times);
  }
  return fmt::format("{}: the gradient norm is not finite", step_text(step, batch));
}

}  // namespace scoresde
