#include <algorithm>

#include "engine/gradient_compiler.h"
#include "engine/node_kernel.h"

namespace scoresde {
namespace {

KernelPtr make_product(const Graph& graph, const Node& n, const Weights& weights, const Place& x, const Place& y,
                       const Absorbed& absorbed) {
  const float* const weight = weights(n.parameters[0]);
  const float* const bias = n.parameters.size() > 1 ? weights(n.parameters[1]) : nullptr;
  const ConvShape shape = conv_shape(graph, n);
  if (n.kind == OpKind::conv && prefers_winograd(shape, x.channels, y.channels))
    return make_winograd(shape, weight, bias, x, y, absorbed);
  if (n.kind != OpKind::nin) return make_conv(shape, weight, bias, x, y, absorbed);
  std::vector<float> turned(static_cast<std::size_t>(x.channels * y.channels));
  for (Size in = 0; in < x.channels; ++in)
    for (Size out = 0; out < y.channels; ++out)
      turned[static_cast<std::size_t>(out * x.channels + in)] = weight[in * y.channels + out];
  return make_conv(shape, turned.data(), bias, x, y, absorbed);
}

}  // namespace

void GradientCompiler::study() {
  for (int i = 0; i < count(); ++i) {
    const Node& n = node(i);
    Facts& f = facts(i);
    if (n.kind == OpKind::dropout && !wanted_.of_parameters) f.source = n.inputs[0];
    f.needs = n.kind == OpKind::input && wanted_.of_x;
    for (std::size_t k = 0; k < n.parameters.size(); ++k) f.needs = f.needs || wants(i, k);
    for (std::size_t k = 0; k < n.inputs.size(); ++k) {
      f.needs = f.needs || facts(input(i, k)).needs;
      if (f.source < 0) ++facts(input(i, k)).readers;
    }
  }
  ++facts(output()).readers;
  for (int i = 0; i < count(); ++i) {
    if (node(i).kind == OpKind::silu) absorb_silu(i);
    if (node(i).kind == OpKind::add) absorb_add(i);
  }
  for (int i = 0; i < count(); ++i) overwrite(i);
  for (int i = count(); i-- > 0;)  // the outer one of nested concatenations first
    if (node(i).kind == OpKind::concat) join(i);
}

void GradientCompiler::absorb_silu(int i) {
  const int norm = input(i, 0);
  if (node(norm).kind != OpKind::group_norm || facts(norm).readers != 1) return;
  facts(norm).absorbed = true;
  facts(i).product = norm;
}

// A sum behind a product that nothing else reads joins its step.
void GradientCompiler::absorb_add(int i) {
  int a = input(i, 0), b = input(i, 1);
  const auto can_end_here = [&](int k) { return is_a_product(node(k).kind) && facts(k).readers == 1; };
  if (!can_end_here(b)) std::swap(a, b);
  if (!can_end_here(b) || a == b || rows(a) != rows(b)) return;
  facts(b).absorbed = true;
  facts(i).product = b;
  facts(i).residual = a;
}

// Dropout, and a row added to all pixels, change their input where nothing else reads it: no backward step asks for the
// value that was there.
void GradientCompiler::overwrite(int i) {
  const Node& n = node(i);
  const bool row = n.kind == OpKind::add && rows(input(i, 0)) != rows(input(i, 1));
  if (!row && (n.kind != OpKind::dropout || facts(i).source >= 0)) return;
  const int x = input(i, 0);
  if (facts(x).readers == 1 && !facts(x).absorbed && node(x).kind != OpKind::input) facts(i).shares = x;
}

// Members of a concatenation live in its memory from the start, unless they already have a home elsewhere.
void GradientCompiler::join(int i) {
  Spot strip = home(i);
  for (std::size_t k = 0; k < 2; ++k) {
    int member = input(i, k);
    while (facts(member).shares >= 0) member = facts(member).shares;
    strip.channels = channels(member);
    if (facts(member).home.piece < 0) facts(member).home = strip;
    strip.channel += strip.channels;
  }
}

const Spot& GradientCompiler::home(int i) {
  if (facts(i).shares >= 0) return home(facts(i).shares);
  if (facts(i).home.piece < 0) facts(i).home = new_spot(i);
  return facts(i).home;
}

Spot GradientCompiler::new_spot(int i) {
  const Size stride = simd::round_up(channels(i), simd::block);
  return {memory_.add(stride * rows(i)), 0, stride, rows(i), channels(i)};
}

void GradientCompiler::touch(const Spot& spot) {
  if (spot.piece < 0) return;
  memory_.touch(spot.piece, now_);
  const bool kept = now_ > turn_ && memory_.first(spot.piece) <= turn_;
  if (kept && !wanted_.of_parameters) memory_.touch(spot.piece, for_ever);
}

void GradientCompiler::step(std::initializer_list<Spot> touched, Maker make, bool weighted) {
  ++now_;
  for (const Spot& spot : touched) touch(spot);
  (now_ > turn_ ? backward_ : forward_).push_back({std::move(make), weighted});
}

void GradientCompiler::forward(int i) {
  const Node& n = node(i);
  Facts& f = facts(i);
  if (f.absorbed || f.source >= 0) return;
  const Spot y = home(i);
  if (n.kind == OpKind::input) return memory_.touch(y.piece, 0);
  if (is_a_product(n.kind) || (f.product >= 0 && is_a_product(node(f.product).kind))) return forward_product(i);
  if (n.kind == OpKind::concat) return forward_concat(i);
  if (n.kind == OpKind::dropout) return forward_mask(i);
  std::vector<Spot> x;
  if (n.kind == OpKind::label || n.kind == OpKind::class_label) {
    Spot& given = n.kind == OpKind::label ? label_ : class_label_;
    if (given.piece < 0) given = new_spot(i), memory_.touch(given.piece, 0);
    x.push_back(given);
  }
  for (std::size_t k = 0; k < n.inputs.size(); ++k) x.push_back(home(input(f.product >= 0 ? f.product : i, k)));
  const auto graph = graph_;
  const int norm = f.product;
  const Spot first = x[0], second = x.size() > 1 ? x[1] : Spot{}, third = x.size() > 2 ? x[2] : Spot{};
  step(
      {first, second, third, y},
      [=](const Places& places, const Weights& weights) {
        const Node& here = graph->nodes[static_cast<std::size_t>(i)];
        if (norm >= 0) {
          const Node& before = graph->nodes[static_cast<std::size_t>(norm)];
          return make_group_norm(before.groups, weights(before.parameters[0]), weights(before.parameters[1]),
                                 before.scale, true, places(first), places(y));
        }
        if (here.kind == OpKind::add && first.rows != second.rows)
          return make_row_added(places(first), places(second), static_cast<float>(here.scale), places(y));
        return make_node(
            *graph, here, weights, [&](std::size_t k) { return places(x[k]); }, places(y));
      },
      norm >= 0 || !n.parameters.empty());
}

void GradientCompiler::forward_product(int i) {
  const int product = facts(i).product >= 0 ? facts(i).product : i;
  const Spot x = home(input(product, 0)), y = home(i);
  const Spot residual = facts(i).residual >= 0 ? home(facts(i).residual) : Spot{};
  const double scale = product == i ? 1 : node(i).scale;
  const auto graph = graph_;
  step(
      {x, y, residual},
      [=](const Places& places, const Weights& weights) {
        Absorbed absorbed{.scale = scale};
        Place more;
        if (residual.piece >= 0) absorbed.residual = &(more = places(residual));
        return make_product(*graph, graph->nodes[static_cast<std::size_t>(product)], weights, places(x), places(y),
                            absorbed);
      },
      true);
}

// Members that live elsewhere are copied.
void GradientCompiler::forward_concat(int i) {
  Spot strip = home(i);
  for (std::size_t k = 0; k < 2; ++k) {
    const int member = input(i, k);
    strip.channels = channels(member);
    const Spot there = home(member);
    if (there.piece != strip.piece || there.channel != strip.channel)
      step({there, strip},
           [=](const Places& places, const Weights&) { return make_copy(places(there), places(strip)); });
    strip.channel += strip.channels;
  }
}

void GradientCompiler::forward_mask(int i) {
  const Spot x = home(input(i, 0)), y = home(i), mask = new_spot(i);
  memory_.touch(mask.piece, 0);
  facts(i).mask = mask;
  plan_.masks.push_back({i, node(i).scale, {}});
  step({x, y, mask},
       [=](const Places& places, const Weights&) { return make_multiplied(places(x), places(mask), {places(y)}); });
}

}  // namespace scoresde
