#include "core/error.h"
#include "engine/gradient_compiler.h"
#include "engine/node_kernel.h"
#include "engine/resampling.h"

namespace scoresde {
namespace {

Sink sink_at(const std::function<Place(const Spot&)>& places, const SpotSink& s) {
  Sink sink{places(s.y), s.add, {}, s.scale};
  if (s.add) sink.base = places(s.base);
  return sink;
}

}  // namespace

SpotSink GradientCompiler::contribute(int i) {
  Slope& s = facts(i).slope;
  SpotSink sink{{}, s.known(), s.spot, s.scale};
  if (!s.owned) s = {new_spot(i), 1, true};
  sink.y = s.spot;
  return sink;
}

void GradientCompiler::contribute(int i, const Spot& spot, float scale) {
  if (!facts(i).needs) return;
  Slope& s = facts(i).slope;
  if (!s.known()) {
    s = {spot, scale, false};
    return;
  }
  const SpotSink sink = contribute(i);
  step({spot, sink.y, sink.base},
       [=](const Places& places, const Weights&) { return make_scaled(places(spot), scale, sink_at(places, sink)); });
}

Spot GradientCompiler::place_for(int i) {
  Slope& s = facts(i).slope;
  const Spot spot = new_spot(i);
  if (facts(i).needs && !s.known()) s = {spot, 1, true};
  return spot;
}

void GradientCompiler::settle(int i, const Spot& written) {
  if (facts(i).slope.spot.piece != written.piece) contribute(i, written, 1);
}

Spot GradientCompiler::unscaled(int i) {
  Slope& s = facts(i).slope;
  if (s.scale == 1) return s.spot;
  const Slope before = s;
  s = {new_spot(i), 1, true};
  const Spot y = s.spot;
  step({before.spot, y}, [=](const Places& places, const Weights&) {
    return make_scaled(places(before.spot), before.scale, {places(y)});
  });
  return y;
}

// Where the gradient of a node's k-th parameter is summed; below 0 where it is not wanted.
Size GradientCompiler::sum_of(int i, std::size_t k, float scale, bool tiles) {
  if (!wants(i, k)) return -1;
  const auto parameter = static_cast<std::size_t>(node(i).parameters[k]);
  GradientPlan::ParameterSum& sum = plan_.sums[parameter];
  if (sum.offset >= 0)
    fail(Failure::usage, "the parameter '{}' has two uses, of which the engine has no gradient",
         graph_->parameters[parameter].name);
  sum.offset = plan_.sum_floats;
  sum.scale = scale;
  Size floats = element_count(graph_->parameters[parameter].shape);
  if (tiles) {
    const Size kernel = node(i).kind == OpKind::conv ? node(i).kernel : 1;
    sum.tiles = true;
    sum.turned = node(i).kind == OpKind::nin;
    sum.weights = {kernel * kernel, channels(input(i, 0)), channels(i)};
    floats = sum.weights.floats();
  }
  plan_.sum_floats += simd::round_up(floats, simd::block);
  return sum.offset;
}

void GradientCompiler::backward(int i) {
  if (!facts(i).needs || !facts(i).slope.known()) return;
  switch (node(i).kind) {
    case OpKind::input:
      return;
    case OpKind::linear:
    case OpKind::conv:
    case OpKind::nin:
      return backward_product(i);
    case OpKind::group_norm:
      return backward_norm(i, i, false);
    case OpKind::silu:
      if (facts(i).product >= 0) return backward_norm(facts(i).product, i, true);
      return backward_simple(i);
    case OpKind::instance_norm_plus:
      return backward_instance_norm(i);
    case OpKind::modulate:
      return backward_modulate(i);
    case OpKind::add:
      return backward_add(i);
    case OpKind::concat:
      return backward_concat(i);
    case OpKind::attention:
      return backward_attention(i);
    case OpKind::space_to_depth:
    case OpKind::depth_to_space:
      return backward_depth(i);
    case OpKind::embedding: {
      const Spot index = home(input(i, 0)), dy = unscaled(i);
      const Size sum = sum_of(i, 0, 1);
      return step({index, dy}, [=](const Places& places, const Weights&) {
        return make_embedding_gradient(places(index), places(dy), sum);
      });
    }
    default:
      return backward_simple(i);
  }
}

void GradientCompiler::backward_product(int i) {
  const int x = input(i, 0);
  const auto graph = graph_;
  const ConvShape shape = conv_shape(*graph, node(i));
  const Spot in = home(x), dy = facts(i).slope.spot;
  const float scale = facts(i).slope.scale;
  if (const Size sum = sum_of(i, 0, scale, true); sum >= 0)
    step({in, dy}, [=](const Places& places, const Weights&) {
      return make_weight_gradient(shape, places(in), places(dy), sum);
    });
  if (const Size sum = sum_of(i, 1, scale); sum >= 0)
    step({dy}, [=](const Places& places, const Weights&) { return make_bias_gradient(places(dy), sum); });
  if (!facts(x).needs) return;
  if (facts(x).slope.known()) unscaled(x);
  const SpotSink dx = contribute(x);
  step(
      {dy, dx.y, dx.base},
      [=](const Places& places, const Weights& weights) {
        const Node& n = graph->nodes[static_cast<std::size_t>(i)];
        return make_data_gradient(shape, weights(n.parameters[0]), n.kind == OpKind::nin, scale, places(dy),
                                  sink_at(places, dx));
      },
      true);
}

void GradientCompiler::backward_norm(int norm, int i, bool silu) {
  const int x = input(norm, 0);
  const Spot in = home(x), dy = unscaled(i);
  const NormSums sums{sum_of(norm, 0, 1), sum_of(norm, 1, 1)};
  const SpotSink dx = facts(x).needs ? contribute(x) : SpotSink{new_spot(x)};
  const auto graph = graph_;
  step(
      {in, dy, dx.y, dx.base},
      [=](const Places& places, const Weights& weights) {
        const Node& n = graph->nodes[static_cast<std::size_t>(norm)];
        return make_group_norm_gradient(n.groups, weights(n.parameters[0]), weights(n.parameters[1]), n.scale, silu,
                                        places(in), places(dy), sink_at(places, dx), sums);
      },
      true);
}

void GradientCompiler::backward_instance_norm(int i) {
  const int x = input(i, 0), affine = node(i).inputs.size() > 1 ? input(i, 1) : -1;
  const Spot in = home(x), dy = unscaled(i), parts_spot = affine >= 0 ? home(affine) : Spot{};
  InstanceNormPlusSums sums;
  if (affine < 0) sums = {sum_of(i, 1, 1), sum_of(i, 0, 1), sum_of(i, 2, 1)};
  sums.affine = affine >= 0 && facts(affine).needs;
  const SpotSink dx = facts(x).needs ? contribute(x) : SpotSink{new_spot(x)};
  const SpotSink d_affine = sums.affine ? contribute(affine) : SpotSink{};
  const auto graph = graph_;
  step(
      {in, dy, parts_spot, dx.y, dx.base, d_affine.y, d_affine.base},
      [=](const Places& places, const Weights& weights) {
        const Node& n = graph->nodes[static_cast<std::size_t>(i)];
        InstanceNormPlusParts parts;
        if (affine < 0)
          parts = {weights(n.parameters[1]), weights(n.parameters[0]), weights(n.parameters[2])};
        else
          parts.affine = places(parts_spot);
        parts.biased = n.jax;
        InstanceNormPlusSums here = sums;
        if (sums.affine) here.d_affine = sink_at(places, d_affine);
        return make_instance_norm_plus_gradient(parts, n.scale, places(in), places(dy), sink_at(places, dx), here);
      },
      affine < 0);
}

void GradientCompiler::backward_modulate(int i) {
  const int x = input(i, 0), row = input(i, 1);
  const Spot in = home(x), factors = home(row), dy = unscaled(i);
  const bool row_wanted = facts(row).needs;
  const SpotSink dx = facts(x).needs ? contribute(x) : SpotSink{new_spot(x)};
  const SpotSink d_row = row_wanted ? contribute(row) : SpotSink{};
  step({in, factors, dy, dx.y, dx.base, d_row.y, d_row.base}, [=](const Places& places, const Weights&) {
    return make_modulate_gradient(places(in), places(factors), places(dy), sink_at(places, dx), row_wanted,
                                  row_wanted ? sink_at(places, d_row) : Sink{});
  });
}

void GradientCompiler::backward_add(int i) {
  const int a = input(i, 0), b = input(i, 1);
  const Spot dy = facts(i).slope.spot;
  const float scale = facts(i).slope.scale * static_cast<float>(node(i).scale);
  contribute(a, dy, scale);
  if (rows(a) == rows(b)) return contribute(b, dy, scale);
  if (!facts(b).needs) return;
  const SpotSink db = contribute(b);
  step({dy, db.y, db.base},
       [=](const Places& places, const Weights&) { return make_pixel_sum(places(dy), scale, sink_at(places, db)); });
}

void GradientCompiler::backward_concat(int i) {
  const Slope dy = facts(i).slope;
  Spot strip = dy.spot;
  for (std::size_t k = 0; k < 2; ++k) {
    strip.channels = channels(input(i, k));
    contribute(input(i, k), strip, dy.scale);
    strip.channel += strip.channels;
  }
}

void GradientCompiler::backward_attention(int i) {
  const Spot dy = unscaled(i);
  Spot in[3], slope[3];
  for (std::size_t k = 0; k < 3; ++k) {
    in[k] = home(input(i, k));
    slope[k] = place_for(input(i, k));
  }
  const Spot q = in[0], k = in[1], v = in[2], dq = slope[0], dk = slope[1], dv = slope[2];
  const int heads = node(i).heads;
  step({q, k, v, dy, dq, dk, dv}, [=](const Places& places, const Weights&) {
    return make_attention_gradient(heads, places(q), places(k), places(v), places(dy), places(dq), places(dk),
                                   places(dv));
  });
  for (std::size_t part = 0; part < 3; ++part) settle(input(i, part), slope[part]);
}

// A permutation of pixels and channels; the other one takes it back.
void GradientCompiler::backward_depth(int i) {
  const int x = input(i, 0), patch = node(i).patch;
  const Spot dy = unscaled(i), dx = place_for(x);
  const bool deepened = node(i).kind == OpKind::space_to_depth;
  const auto small = node(deepened ? i : x).shape;
  step({dy, dx}, [=](const Places& places, const Weights&) {
    return deepened ? make_depth_to_space(small[1], small[2], patch, places(dy), places(dx))
                    : make_space_to_depth(small[1], small[2], patch, places(dy), places(dx));
  });
  settle(x, dx);
}

void GradientCompiler::backward_simple(int i) {
  const Node& n = node(i);
  const int x = input(i, 0);
  if (!facts(x).needs || (n.kind == OpKind::divide_exp && facts(input(i, 1)).needs))
    fail(Failure::usage, "the engine has no gradient with respect to {} of the op '{}'",
         facts(x).needs ? "the exponent" : "a parameter", kind_name(n.kind));
  const Spot in = home(x), dy = unscaled(i);
  const SpotSink sink = contribute(x);
  const ConvShape shape = conv_shape(*graph_, n);
  const auto with_input = [&](auto make) {
    step({in, dy, sink.y, sink.base},
         [=](const Places& places, const Weights&) { return make(places(in), places(dy), sink_at(places, sink)); });
  };
  const auto activation = [&](simd::Activation kind) {
    with_input([kind, slope = n.scale](const Place& at, const Place& slopes, const Sink& dx) {
      return make_activation_gradient(kind, slope, at, slopes, dx);
    });
  };
  const auto without_input = [&](const Spot& other, auto make) {
    step({dy, other, sink.y, sink.base}, [=](const Places& places, const Weights&) {
      return make(places(dy), other.piece < 0 ? Place{} : places(other), sink_at(places, sink));
    });
  };
  switch (n.kind) {
    case OpKind::silu:
      return activation(simd::Activation::silu);
    case OpKind::elu:
      return activation(simd::Activation::elu);
    case OpKind::leaky_relu:
      return activation(simd::Activation::leaky_relu);
    case OpKind::max_pool:
      return with_input([shape](const Place& at, const Place& slopes, const Sink& dx) {
        return make_max_pool_gradient(shape, at, slopes, dx);
      });
    case OpKind::upsample:
    case OpKind::downsample:
    case OpKind::bilinear:
    case OpKind::fir:
      return without_input(
          {}, [back = transposed(resampling_of(n, shape.in_height, shape.in_width))](
                  const Place& slopes, const Place&, const Sink& dx) { return make_resampling(back, slopes, dx); });
    case OpKind::global_mean:
      return without_input(
          {}, [scale = 1.0f / static_cast<float>(rows(x))](const Place& slopes, const Place&, const Sink& dx) {
            return make_spread(slopes, scale, dx);
          });
    case OpKind::divide_exp:
      return without_input(home(input(i, 1)), [](const Place& slopes, const Place& exponent, const Sink& dx) {
        return make_divide_exp_gradient(exponent, slopes, dx);
      });
    case OpKind::dropout:
      return without_input(facts(i).mask, [](const Place& slopes, const Place& mask, const Sink& dx) {
        return make_multiplied(slopes, mask, dx);
      });
    default:
      fail(Failure::usage, "the engine has no gradient of the op '{}'", kind_name(n.kind));
  }
}

}  // namespace scoresde
