#include "engine/plan.h"

#include <algorithm>

#include "engine/node_kernel.h"
#include "engine/resampling.h"

namespace scoresde {
namespace {

bool is_product(OpKind kind) { return kind == OpKind::conv || kind == OpKind::linear || kind == OpKind::nin; }

// A piece of memory that one or more nodes write and others read, during [first, last] of the steps.
struct Buffer {
  bool shared = false;
  Size floats = 0;
  std::size_t first = ~std::size_t{0}, last = 0;
  Size offset = 0;
};

// Strip of a buffer's columns.
struct Home {
  int buffer = -1;
  Size channel = 0, stride = 0;
};

class Compiler {
 public:
  Compiler(const Graph& graph, const Weights& weights, const Tuning& tuning, const std::function<void()>& after_step)
      : graph_(graph), weights_(weights), tuning_(tuning), after_step_(after_step), nodes_(graph.nodes.size()) {}

  Plan compile() {
    study();
    absorb();
    for (int i = count(); i-- > 0;)  // the outer one of nested concatenations first
      if (node(i).kind == OpKind::concat) join(i);
    schedule();
    lay_out();
    return emit();
  }

 private:
  struct NodeFacts {
    int value = -1;         // the node whose memory holds this one's value
    bool shared = false;    // depends on the labels alone
    int readers = 0;        // nodes, and the caller for the output
    bool absorbed = false;  // computed inside the step of another node
    int product = -1;       // of a sum: the convolution that ends in it
    int more_bias = -1, residual = -1;
    double scale = 1;
    bool silu = false;  // of a normalisation: SiLU behind it
    Home home;
  };

  const Node& node(int i) const { return graph_.nodes[static_cast<std::size_t>(i)]; }
  NodeFacts& facts(int i) { return nodes_[static_cast<std::size_t>(i)]; }
  int value(int i) { return facts(i).value; }
  int input_value(int i, std::size_t k) { return value(node(i).inputs[k]); }

  Size rows(int i) const { return node(i).shape.size() == 3 ? node(i).shape[1] * node(i).shape[2] : 1; }
  Size channels(int i) const { return node(i).shape[0]; }

  void study() {
    for (int i = 0; i < count(); ++i) {
      const Node& n = node(i);
      NodeFacts& f = facts(i);
      f.value = n.kind == OpKind::dropout ? value(n.inputs[0]) : i;
      f.shared = n.kind != OpKind::input;
      for (const int input : n.inputs) f.shared = f.shared && facts(input).shared;
      if (n.kind != OpKind::dropout)
        for (const int input : n.inputs) ++facts(value(input)).readers;
    }
    ++facts(value(count() - 1)).readers;
  }

  // Sums behind a product that nothing else reads, and SiLU behind a normalisation, join the step before them; the
  // value then belongs to the last node of the chain.
  void absorb() {
    for (int i = 0; i < count(); ++i) {
      if (node(i).kind == OpKind::silu) absorb_silu(i);
      if (node(i).kind == OpKind::add) absorb_add(i);
    }
  }

  void absorb_silu(int i) {
    const int norm = input_value(i, 0);
    if (node(norm).kind != OpKind::group_norm || facts(norm).readers != 1) return;
    facts(norm).absorbed = true;
    facts(i).product = norm;
  }

  void absorb_add(int i) {
    int a = input_value(i, 0), b = input_value(i, 1);
    if (!can_end_in_sum(b) && can_end_in_sum(a) && rows(a) == rows(b)) std::swap(a, b);
    NodeFacts& f = facts(i);
    // a + time embedding, where a is the product
    if (rows(b) == 1 && facts(b).shared && can_end_in_sum(a) && !facts(a).shared && node(i).scale == 1 && a != b &&
        facts(a).more_bias < 0 && facts(a).residual < 0) {
      take_over(i, a);
      f.more_bias = b;
      return;
    }
    if (!can_end_in_sum(b) || a == b || rows(a) != rows(b) || facts(b).residual >= 0 ||
        facts(a).shared != facts(b).shared)
      return;
    take_over(i, b);
    f.residual = a;
    f.scale = node(i).scale;
  }

  bool can_end_in_sum(int i) {
    const int product = facts(i).product >= 0 ? facts(i).product : i;
    return is_product(node(product).kind) && facts(i).readers == 1;
  }

  void take_over(int sum, int before) {
    NodeFacts &f = facts(sum), &g = facts(before);
    f.product = g.product >= 0 ? g.product : before;
    f.more_bias = g.more_bias;
    g.absorbed = true;
  }

  // Members of a concatenation live in its buffer from the start, unless they already have a home elsewhere.
  void join(int i) {
    const int buffer = home(i).buffer;
    const Home whole = facts(i).home;
    Size channel = whole.channel;
    for (std::size_t k = 0; k < 2; ++k) {
      const int member = input_value(i, k);
      if (facts(member).home.buffer < 0 && facts(member).shared == facts(i).shared)
        facts(member).home = {buffer, channel, whole.stride};
      channel += channels(member);
    }
  }

  const Home& home(int i) {
    NodeFacts& f = facts(i);
    if (f.home.buffer < 0) {
      const Size stride = simd::round_up(channels(i), simd::block);
      f.home = {static_cast<int>(buffers_.size()), 0, stride};
      buffers_.push_back({.shared = f.shared, .floats = stride * rows(i)});
    }
    return f.home;
  }

  // When each buffer is first written and last read. A node's place in the order is its index.
  void schedule() {
    for (int i = 0; i < count(); ++i) {
      if (value(i) != i || facts(i).absorbed) continue;
      touch(i, i);
      const int reads = facts(i).product >= 0 ? facts(i).product : i;
      for (const int input : node(reads).inputs) touch(value(input), i);
      if (facts(i).more_bias >= 0) touch(facts(i).more_bias, i);
      if (facts(i).residual >= 0) touch(facts(i).residual, i);
    }
    touch(0, 0);
    touch(value(count() - 1), count());
  }

  void touch(int i, int when) {
    Buffer& buffer = buffers_[static_cast<std::size_t>(home(i).buffer)];
    buffer.first = std::min(buffer.first, static_cast<std::size_t>(when));
    buffer.last = std::max(buffer.last, static_cast<std::size_t>(when));
  }

  // Largest first, each at the lowest place that is free during its life. The labels' memory is never reused: it is
  // small, and stays from run to run.
  void lay_out() {
    std::vector<Buffer*> order;
    for (Buffer& buffer : buffers_)
      if (buffer.shared) {
        buffer.offset = shared_floats_;
        shared_floats_ += buffer.floats;
      } else {
        order.push_back(&buffer);
      }
    std::stable_sort(order.begin(), order.end(),
                     [](const Buffer* a, const Buffer* b) { return a->floats > b->floats; });
    std::vector<const Buffer*> placed;
    for (Buffer* buffer : order) {
      std::vector<const Buffer*> beside;
      for (const Buffer* other : placed)
        if (buffer->first <= other->last && other->first <= buffer->last) beside.push_back(other);
      std::sort(beside.begin(), beside.end(), [](const Buffer* a, const Buffer* b) { return a->offset < b->offset; });
      for (const Buffer* other : beside) {
        if (buffer->offset + buffer->floats <= other->offset) break;
        buffer->offset = std::max(buffer->offset, other->offset + other->floats);
      }
      placed.push_back(buffer);
      floats_ = std::max(floats_, buffer->offset + buffer->floats);
    }
  }

  Place place(int i) {
    const Home& h = home(i);
    const Buffer& buffer = buffers_[static_cast<std::size_t>(h.buffer)];
    return {buffer.shared, buffer.offset, h.channel, h.stride, rows(i), channels(i)};
  }

  Plan emit() {
    Plan plan;
    for (int i = 0; i < count(); ++i) {
      if (value(i) != i || facts(i).absorbed) continue;
      emit_node(i, facts(i).shared ? plan.shared_steps : plan.steps);
      plan.step_nodes.resize(plan.steps.size(), facts(i).product >= 0 ? facts(i).product : i);
      if (after_step_) after_step_();
    }
    plan.input = place(0);
    plan.output = place(value(count() - 1));
    plan.label = label_;
    plan.class_label = class_label_;
    plan.shared_floats = shared_floats_ + 2 * simd::block;
    plan.floats_a_sample = floats_;
    return plan;
  }

  const float* weight(int i, std::size_t k) const { return weights_(node(i).parameters[k]); }

  void emit_node(int i, std::vector<KernelPtr>& steps);
  void emit_product(int i, std::vector<KernelPtr>& steps);
  void emit_concat(int i, std::vector<KernelPtr>& steps);

  int count() const { return static_cast<int>(graph_.nodes.size()); }

  const Graph& graph_;
  const Weights& weights_;
  const Tuning& tuning_;
  const std::function<void()>& after_step_;
  std::vector<NodeFacts> nodes_;
  std::vector<Buffer> buffers_;
  Size shared_floats_ = 0, floats_ = 0;
  Place label_, class_label_;
};

void Compiler::emit_product(int i, std::vector<KernelPtr>& steps) {
  const int product = facts(i).product >= 0 ? facts(i).product : i;
  const Node& n = node(product);
  Absorbed absorbed{.scale = facts(i).scale};
  Place more_bias, residual;
  if (facts(i).more_bias >= 0) absorbed.more_bias = &(more_bias = place(facts(i).more_bias));
  if (facts(i).residual >= 0) absorbed.residual = &(residual = place(facts(i).residual));
  const int x = input_value(product, 0);
  const float* const bias = n.parameters.size() > 1 ? weight(product, 1) : nullptr;
  const ConvShape shape = conv_shape(graph_, n);
  if (n.kind == OpKind::conv && tuning_.winograd(shape, channels(x), channels(i)))
    return steps.push_back(make_winograd(shape, weight(product, 0), bias, place(x), place(i), absorbed));
  if (n.kind != OpKind::nin)
    return steps.push_back(make_conv(shape, weight(product, 0), bias, place(x), place(i), absorbed));
  const float* const w = weight(product, 0);
  std::vector<float> turned(static_cast<std::size_t>(channels(x) * channels(i)));
  for (Size in = 0; in < channels(x); ++in)
    for (Size out = 0; out < channels(i); ++out)
      turned[static_cast<std::size_t>(out * channels(x) + in)] = w[in * channels(i) + out];
  steps.push_back(make_conv(shape, turned.data(), bias, place(x), place(i), absorbed));
}

// Members that live elsewhere are copied.
void Compiler::emit_concat(int i, std::vector<KernelPtr>& steps) {
  Place strip = place(i);
  for (std::size_t k = 0; k < 2; ++k) {
    const int member = input_value(i, k);
    strip.channels = channels(member);
    const Place there = place(member);
    if (there.shared != strip.shared || there.buffer != strip.buffer || there.channel != strip.channel ||
        facts(member).home.buffer != facts(i).home.buffer)
      steps.push_back(make_copy(there, strip));
    strip.channel += strip.channels;
  }
}

void Compiler::emit_node(int i, std::vector<KernelPtr>& steps) {
  const Node& n = node(i);
  const Place y = place(i);
  const auto x = [&](std::size_t k) { return place(input_value(i, k)); };
  const int before = facts(i).product;
  if (before >= 0 && is_product(node(before).kind)) return emit_product(i, steps);
  switch (n.kind) {
    case OpKind::input:
    case OpKind::dropout:
      return;
    case OpKind::label:
      label_ = {true, shared_floats_, 0, 1, 1, 1};
      return steps.push_back(make_label(n.scale, n.offset, n.log, label_, y));
    case OpKind::class_label:
      class_label_ = {true, shared_floats_ + simd::block, 0, 1, 1, 1};
      return steps.push_back(make_copy(class_label_, y));
    case OpKind::conv:
    case OpKind::nin:
    case OpKind::linear:
      return emit_product(i, steps);
    case OpKind::silu:
      if (before < 0) return steps.push_back(make_node(graph_, n, weights_, x, y));
      return steps.push_back(make_group_norm(node(before).groups, weight(before, 0), weight(before, 1),
                                             node(before).scale, true, place(input_value(before, 0)), y));
    case OpKind::concat:
      return emit_concat(i, steps);
    default:
      return steps.push_back(make_node(graph_, n, weights_, x, y));
  }
}

}  // namespace

Size Plan::scratch(Size samples) const {
  Size most = 0;
  for (const KernelPtr& step : steps) most = std::max(most, step->scratch(samples));
  for (const KernelPtr& step : shared_steps) most = std::max(most, step->scratch(1));
  return most;
}

// Measured with 512 KB of second-level cache: small U-Nets are fastest where the values of the rows are about as many
// as the weights (28x28: 2 rows at 32 channels, 4 at 64; 8 cost a tenth more, and a third on both cores). DDPM++ at 4
// rows and at 8 took the same time on both cores, and 4 take 70 MB less.
Size rows_together(const Graph& graph, Size floats_a_sample) {
  Size weights = 0;
  for (const Parameter& parameter : graph.parameters) weights += element_count(parameter.shape);
  const Size most = std::clamp<Size>((Size{1} << 18) / floats_a_sample, 4, 64);
  return std::clamp<Size>(weights / floats_a_sample, 2, most);
}

std::optional<OpKind> op_without_kernel(const Graph& graph) {
  for (const Node& node : graph.nodes)
    if (node.taps.size() > most_fir_taps) return node.kind;
  return {};
}

Plan compile(const Graph& graph, const Weights& weights, const Tuning& tuning,
             const std::function<void()>& after_step) {
  return Compiler(graph, weights, tuning, after_step).compile();
}

}  // namespace scoresde
