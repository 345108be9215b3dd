#include "engine/tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/clock.h"
#include "core/config.h"
#include "core/digest.h"
#include "core/error.h"

namespace scoresde {
namespace {

constexpr std::string_view direct_name = "direct", winograd_name = "winograd";

std::string key_of(const ConvShape& shape, Size in, Size out) {
  return fmt::format("{0}x{0} {1}>{2} {3}x{4}", shape.kernel, in, out, shape.height, shape.width);
}

bool winograd_can(const ConvShape& shape, Size in, Size out) {
  return shape.kernel == 3 && shape.stride == 1 && shape.padding == 1 && shape.dilation == 1 &&
         shape.in_height == shape.height && shape.in_width == shape.width && in >= simd::block && out >= simd::block;
}

// The least of some runs: what disturbs them only ever adds.
double seconds_of(const Kernel& kernel, Size floats, Size samples) {
  AlignedFloats memory(floats * samples), scratch(kernel.scratch(samples));
  const Run run{memory.data(), nullptr, scratch.data(), samples};
  kernel.run(run);
  double least = 1e9;
  const Stopwatch all;
  for (int i = 0; i < 5 || (i < 100 && all.seconds() < 0.05); ++i) {
    const Stopwatch watch;
    kernel.run(run);
    least = std::min(least, watch.seconds());
  }
  return least / static_cast<double>(samples);
}

TunedShape timed(const ConvShape& shape, Size in, Size out) {
  const Size pixels = shape.height * shape.width;
  const std::vector<float> weight(static_cast<std::size_t>(in * out * 9), 0.01f);
  const Place x{false, 0, 0, simd::round_up(in, simd::block), pixels, in};
  const Place y{false, pixels * x.stride, 0, simd::round_up(out, simd::block), pixels, out};
  const auto mean_seconds = [&](const KernelPtr& kernel) {
    const Size floats = pixels * (x.stride + y.stride);
    return std::sqrt(seconds_of(*kernel, floats, 1) * seconds_of(*kernel, floats, 8));
  };
  return {key_of(shape, in, out), mean_seconds(make_conv(shape, weight.data(), nullptr, x, y, {})),
          mean_seconds(make_winograd(shape, weight.data(), nullptr, x, y, {}))};
}

}  // namespace

Tuning::Tuning(std::string_view text, const std::string& where) {
  if (text.empty()) return;
  const Json json = parse_json(text);
  if (!json.is_object()) fail(Failure::data, "{}: a tuning is a JSON object of convolutions and methods", where);
  for (const auto& [key, method] : json.items()) {
    const std::string name = method.is_string() ? method.get<std::string>() : "";
    if (name != winograd_name && name != direct_name)
      fail(Failure::data, "{}: '{}' is given a method that is neither {} nor {}", where, key, direct_name,
           winograd_name);
    winograd_[key] = name == winograd_name;
  }
}

bool Tuning::winograd(const ConvShape& shape, Size in, Size out) const {
  const auto found = winograd_.find(key_of(shape, in, out));
  if (found == winograd_.end() || !winograd_can(shape, in, out)) return prefers_winograd(shape, in, out);
  return found->second;
}

void Tuning::choose(const ConvShape& shape, Size in, Size out, bool winograd) {
  winograd_[key_of(shape, in, out)] = winograd;
}

std::string Tuning::text() const {
  if (winograd_.empty()) return "";
  Json json = Json::object();
  for (const auto& [key, winograd] : winograd_) json[key] = std::string(winograd ? winograd_name : direct_name);
  return json.dump(1) + "\n";
}

std::string Tuning::identity() const {
  if (winograd_.empty()) return "";
  Digest digest;
  digest.add(text());
  return digest.hex();
}

fs::path tuning_file(const fs::path& model_file) { return fs::path(model_file).replace_extension(".tuning.json"); }

Tuning read_tuning(const fs::path& model_file) {
  const fs::path file = tuning_file(model_file);
  return fs::exists(file) ? Tuning(read_text(file), file.string()) : Tuning();
}

std::vector<TunedShape> measure_tuning(const Graph& graph, Tuning& tuning) {
  std::vector<TunedShape> result;
  for (const Node& node : graph.nodes) {
    if (node.kind != OpKind::conv) continue;
    const auto& from = graph.nodes[static_cast<std::size_t>(node.inputs[0])].shape;
    const ConvShape shape{from[1],     from[2],     node.shape[1], node.shape[2],
                          node.kernel, node.stride, node.padding,  node.dilation};
    const Size in = from[0], out = node.shape[0];
    const std::string key = key_of(shape, in, out);
    const auto same = [&](const TunedShape& other) { return other.key == key; };
    if (!winograd_can(shape, in, out) || std::any_of(result.begin(), result.end(), same)) continue;
    result.push_back(timed(shape, in, out));
    tuning.choose(shape, in, out, result.back().winograd < result.back().direct);
  }
  return result;
}

}  // namespace scoresde
