#include "exchange/architecture.h"

#include <algorithm>
#include <set>

#include "core/text.h"
#include "exchange/skeleton.h"
#include "net/model.h"

namespace scoresde {
namespace {

// How the blocks may lie: levels, blocks a level, the levels with attention.
struct BlockPlan {
  std::vector<int> channel_mult;
  int blocks = 0;
  std::vector<std::size_t> attention_levels;
};

// All subsets of `count` levels, as the first `levels` bits of a number.
std::vector<std::vector<std::size_t>> subsets(std::size_t levels, std::size_t count) {
  std::vector<std::vector<std::size_t>> result;
  for (std::size_t bits = 0; bits < std::size_t{1} << levels; ++bits) {
    std::vector<std::size_t> chosen;
    for (std::size_t level = 0; level < levels; ++level)
      if (bits >> level & 1) chosen.push_back(level);
    if (chosen.size() == count) result.push_back(std::move(chosen));
  }
  return result;
}

// The way down of a plan of `levels` x `blocks`, or nothing where the widths are not those of such a net.
std::optional<BlockPlan> way_down(const NetSkeleton& net, std::size_t levels, std::size_t blocks) {
  const std::size_t stride = blocks + (net.biggan ? 1 : 0);  // with the block that halves the size
  BlockPlan plan{{}, static_cast<int>(blocks), {}};
  for (std::size_t level = 0; level < levels; ++level) {
    const NetSkeleton::Block& first = net.blocks[level * stride];
    for (std::size_t i = 1; i < blocks; ++i)
      if (net.blocks[level * stride + i].out != first.out) return std::nullopt;
    if (first.out % net.channels != 0 || first.out / net.channels > 1024) return std::nullopt;
    plan.channel_mult.push_back(static_cast<int>(first.out / net.channels));
    if (first.attention_follows) plan.attention_levels.push_back(level);
  }
  return plan;
}

// On the way down and in the middle there are levels * blocks + 2 blocks, on the way up levels more, and BigGAN's
// halve and double the size in blocks of their own.
std::vector<BlockPlan> block_plans(const NetSkeleton& net) {
  constexpr std::size_t most_levels = 12, most_blocks = 64;
  std::vector<BlockPlan> plans;
  for (std::size_t levels = 1; levels <= most_levels; ++levels) {
    const std::size_t others = net.biggan ? 3 * levels : levels + 2;
    if (net.blocks.size() <= others || (net.blocks.size() - others) % (2 * levels) != 0) continue;
    const std::size_t blocks = (net.blocks.size() - others) / (2 * levels);
    if (blocks > most_blocks) continue;
    auto plan = way_down(net, levels, blocks);
    if (!plan) continue;
    if (net.ordered) {
      plans.push_back(*plan);
      continue;
    }
    if (net.attentions == 0 || (net.attentions - 1) % (blocks + 1) != 0) continue;
    for (const auto& chosen : subsets(levels, (net.attentions - 1) / (blocks + 1))) {
      plan->attention_levels = chosen;
      plans.push_back(*plan);
    }
  }
  return plans;
}

std::vector<int> attention_heights(const BlockPlan& plan, int height) {
  std::vector<int> heights;
  for (const std::size_t level : plan.attention_levels) heights.push_back(height >> level);
  return heights;
}

// The height that puts the attention of the plan where the hints want it; 0: none.
int height_from_attention(const BlockPlan& plan, const std::vector<int>& wanted) {
  if (wanted.empty()) return 0;
  for (const std::size_t level : plan.attention_levels) {
    const int height = wanted.front() << level;
    const auto heights = attention_heights(plan, height);
    if (std::set(heights.begin(), heights.end()) == std::set(wanted.begin(), wanted.end())) return height;
  }
  return 0;
}

class NetSearch {
 public:
  NetSearch(const ForeignWeights& weights, const NetSkeleton& net, const NetHints& hints, const std::string& where)
      : weights_(weights), net_(net), hints_(hints), where_(where) {
    update(hinted_, hints.weak);
    update(hinted_, hints.strong);
  }

  NetMatch run() {
    for (const BlockPlan& plan : block_plans(net_)) try_plan(plan);
    if (matches_.empty()) refuse();
    if (matches_.size() > 1) require_one_plan();
    return std::move(matches_.front());
  }

 private:
  bool given(const char* setting) const { return hints_.weak.contains(setting) || hints_.strong.contains(setting); }

  void try_plan(const BlockPlan& plan) {
    int height = hints_.height;
    if (height == 0 && given("attention")) height = height_from_attention(plan, hinted_.attention);
    if (height == 0) {
      if (!nearest_) heightless_ = true;
      return;
    }
    const int width = hints_.width == 0 ? height : hints_.width;
    const ItemShape shape{static_cast<int>(net_.image_channels), height, width, true};
    // BigGAN's blocks are ncsnpp's alone; the others are tried as ddpm first unless a hint says ncsnpp.
    std::vector<std::string> names = {"ddpm", "ncsnpp"};
    if (net_.biggan || net_.fourier || net_.fir.value_or(false)) names = {"ncsnpp"};
    if (!net_.biggan && given("name") && hinted_.name == "ncsnpp") names = {"ncsnpp"};
    for (const std::string& name : names)
      for (const char* input : {"none", "residual", "input_skip"})
        for (const char* output : {"none", "output_skip", "residual"})
          for (const char* combine : {"sum", "cat"}) {
            const bool plain = std::string_view(input) == "none" && std::string_view(output) == "none";
            if (name == "ddpm" && !plain) continue;
            if (std::string_view(combine) == "cat" && std::string_view(input) != "input_skip") continue;
            // BigGAN's blocks resample by themselves.
            for (const bool learned : {true, false})
              if (learned || !net_.biggan) try_net(plan, shape, name, {input, output, combine, learned});
          }
  }

  struct Choices {
    const char *input, *output, *combine;
    bool resample_conv;
  };

  void try_net(const BlockPlan& plan, const ItemShape& shape, const std::string& name, const Choices& choices) {
    NetConfig config = hinted_;
    config.name = name;
    config.channels = static_cast<int>(net_.channels);
    config.channel_mult = plan.channel_mult;
    config.blocks = plan.blocks;
    config.attention = attention_heights(plan, shape.height);
    config.embedding = net_.fourier ? "fourier" : "positional";
    config.conditional = net_.conditional;
    config.resblock = net_.biggan ? "biggan" : "ddpm";
    config.progressive_input = choices.input;
    config.progressive = choices.output;
    config.combine = choices.combine;
    if (!net_.biggan) config.resample_conv = choices.resample_conv;
    if (net_.fir) config.fir = *net_.fir;
    update(config, hints_.strong, "net");
    Graph graph;
    try {
      graph = build_net(config, shape);
    } catch (const Error& error) {
      refusal_ = error.what();
      return;
    }
    if (arrange(graph, weights_.raw, weights_.flax)) add_match(config, shape);
    const auto distance = [&](std::size_t n) {
      return n > weights_.raw.size() ? n - weights_.raw.size() : weights_.raw.size() - n;
    };
    if (!nearest_ ||
        distance(graph.parameters.size()) < distance(build_net(*nearest_, nearest_shape_).parameters.size())) {
      nearest_ = config;
      nearest_shape_ = shape;
    }
  }

  // Of options that give the same layers (pyramids of one level) the first ones tried stand.
  void add_match(const NetConfig& config, const ItemShape& shape) {
    for (const NetMatch& match : matches_)
      if (match.config.name != config.name || match.config.attention == config.attention) return;
    matches_.push_back({config, shape});
  }

  // Several places of the attention fit (flax does not say where it is): the hints decide.
  void require_one_plan() {
    const std::set<int> wanted(hinted_.attention.begin(), hinted_.attention.end());
    const auto fits = [&](const NetMatch& match) {
      return std::set<int>(match.config.attention.begin(), match.config.attention.end()) == wanted;
    };
    const auto found = std::find_if(matches_.begin(), matches_.end(), fits);
    if (found == matches_.end() || !given("attention")) {
      std::vector<std::string> places;
      for (const NetMatch& match : matches_) places.push_back(shown(match.config.attention));
      fail(Failure::usage, "{}: net.attention may be {}: give one with --set net.attention=...", where_,
           join(std::vector<std::string_view>(places.begin(), places.end()), " or "));
    }
    matches_ = {*found};
  }

  [[noreturn]] void refuse() const {
    if (heightless_ && !nearest_)
      fail(Failure::usage, "{}: the weights do not tell the size of the pictures; give --size, such as --size 32",
           where_);
    if (!nearest_)
      fail(Failure::data,
           "{}: {} residual blocks of score_sde, {} attention blocks and {} channels are no known U-Net{}", where_,
           net_.blocks.size(), net_.attentions, net_.channels, refusal_.empty() ? "" : "; " + refusal_);
    const Graph graph = build_net(*nearest_, nearest_shape_);
    if (weights_.flax)
      fail(Failure::data, "{}: the {} arrays are not those of {} ({})", where_, weights_.raw.size(), nearest_->name,
           shown(to_json(*nearest_)));
    std::map<std::string, Tensor> shapes;
    for (const NamedArray& array : weights_.raw) shapes[array.name] = {Dtype::f32, array.array.shape, {}};
    check_weights(graph, shapes, where_);
    fail(Failure::data, "{}: the weights repeat names", where_);
  }

  const ForeignWeights& weights_;
  const NetSkeleton& net_;
  const NetHints& hints_;
  const std::string& where_;
  NetConfig hinted_;
  std::vector<NetMatch> matches_;
  std::optional<NetConfig> nearest_;
  ItemShape nearest_shape_;
  bool heightless_ = false;
  std::string refusal_;
};

}  // namespace

std::optional<NetMatch> infer_network(const ForeignWeights& weights, const NetHints& hints, const std::string& where) {
  const auto skeleton = read_skeleton(weights);
  if (!skeleton) return std::nullopt;
  return NetSearch(weights, *skeleton, hints, where).run();
}

}  // namespace scoresde
