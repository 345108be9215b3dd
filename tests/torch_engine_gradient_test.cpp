#include <gtest/gtest.h>

#include <algorithm>#include <torch/csrc/autograd/autograd.h>
#include <cmath>

#include "core/error.h"
#include "engine/engine_score.h"
#include "engine_cases.h"
#include "net/op_cases.h"
#include "nn/network_score.h"

namespace scoresde {
namespace {

using Floats = std::vector<float>;

constexpr std::int64_t gradient_rows = 5;
const std::vector<std::uint64_t> gradient_ids = {3, 9, 4, 1ull << 33, 0};

// One network at five rows with labels and classes of their own, and a random cotangent.
struct GradientProblem {
  Graph graph;
  std::vector<at::Tensor> parameters;  // double
  at::Tensor x, label, classes, cotangent;
  bool dropout = false;
};

GradientProblem gradient_problem(Graph graph, std::vector<at::Tensor> parameters, bool dropout) {
  GradientProblem p{std::move(graph), std::move(parameters), {}, {}, {}, {}, dropout};
  const auto tensor = [](std::vector<std::int64_t> shape, std::uint64_t which, bool positive = false) {
    shape.insert(shape.begin(), gradient_rows);
    return engine_tensor(shape, op_case_values(element_count(shape), which, positive));
  };
  p.x = tensor(p.graph.input_shape, 1);
  p.label = tensor({}, 2, true);
  p.cotangent = tensor(p.graph.output_shape(), 3);
  if (p.graph.classes > 0)
    p.classes = engine_tensor({gradient_rows}, {0, 1, -1, 1, 2}).to(at::kLong).clamp_max(p.graph.classes - 1);
  return p;
}

struct Gradients {
  std::vector<double> out, d_x;
  std::vector<std::vector<double>> d_parameters;
};

std::vector<double> doubles_of(const at::Tensor& tensor, std::int64_t count) {
  if (!tensor.defined()) return std::vector<double>(static_cast<std::size_t>(count));
  const at::Tensor values = tensor.detach().contiguous();
  return {values.data_ptr<double>(), values.data_ptr<double>() + values.numel()};
}

Gradients by_autograd(const GradientProblem& p) {
  std::vector<at::Tensor> leaves = {p.x.detach().set_requires_grad(true)}, parameters;
  for (const at::Tensor& value : p.parameters) parameters.push_back(value.detach().set_requires_grad(true));
  leaves.insert(leaves.end(), parameters.begin(), parameters.end());
  ForwardOptions options;
  if (p.dropout) options = {.training = true, .seed = 5, .step = 7, .samples = gradient_ids};
  const at::Tensor out = evaluate(p.graph, parameters, leaves[0], p.label, p.classes, options);
  const auto slopes = torch::autograd::grad({out}, leaves, {p.cotangent}, {}, false, /*allow_unused=*/true);
  Gradients g{doubles_of(out, 0), doubles_of(slopes[0], p.x.numel()), {}};
  for (std::size_t i = 0; i < parameters.size(); ++i)
    g.d_parameters.push_back(p.graph.parameters[i].trainable
                                 ? doubles_of(slopes[i + 1], parameters[i].numel())
                                 : std::vector<double>(static_cast<std::size_t>(parameters[i].numel())));
  return g;
}

Floats floats_of(const at::Tensor& tensor) {
  const std::vector<double> values = doubles_of(tensor, 0);
  return {values.begin(), values.end()};
}

// The same by the engine, for any of the rows.
struct FastProblem {
  explicit FastProblem(const GradientProblem& p)
      : x(floats_of(p.x)), label(floats_of(p.label)), cotangent(floats_of(p.cotangent)), dropout(p.dropout) {
    for (const at::Tensor& value : p.parameters) weights.push_back(floats_of(value));
    if (p.classes.defined())
      for (std::int64_t i = 0; i < gradient_rows; ++i)
        classes.push_back(static_cast<int>(p.classes.contiguous().data_ptr<std::int64_t>()[i]));
    width = x.size() / gradient_rows, out_width = cotangent.size() / gradient_rows;
  }

  Gradients by(Differentiator& d, std::size_t first = 0, std::size_t count = gradient_rows,
               bool at_once = false) const {
    std::vector<const float*> pointers;
    for (const Floats& w : weights) pointers.push_back(w.data());
    d.set_weights(pointers);
    const DropoutNoise noise{5, 7, std::span(gradient_ids).subspan(first, count)};
    const NetworkRows rows{static_cast<Index>(count), x.data() + first * width, label.data() + first,
                           classes.empty() ? nullptr : classes.data() + first, dropout ? &noise : nullptr};
    Floats out(count * out_width), d_x(count * width);
    std::vector<Floats> slopes;
    for (const Floats& w : weights) slopes.emplace_back(w.size(), 77.0f);
    std::vector<float*> to;
    for (Floats& s : slopes) to.push_back(s.data());
    const float* const d_out = cotangent.data() + first * out_width;
    if (at_once) {
      d.forward_backward(
          rows,
          [&](Index begin, Index n, const float*, float* d_here) {
            std::copy_n(d_out + static_cast<std::size_t>(begin) * out_width, static_cast<std::size_t>(n) * out_width,
                        d_here);
          },
          out.data(), d_x.data(), to);
    } else {
      d.forward(rows, out.data());
      d.backward(d_out, d_x.data(), to);
    }
    Gradients g{{out.begin(), out.end()}, {d_x.begin(), d_x.end()}, {}};
    for (const Floats& s : slopes) g.d_parameters.emplace_back(s.begin(), s.end());
    return g;
  }

  Floats x, label, cotangent;
  std::vector<int> classes;
  std::vector<Floats> weights;
  bool dropout;
  std::size_t width, out_width;
};

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double v : values) most = std::max(most, std::abs(v));
  return most;
}

// `tolerance` of the largest number, and `floor`: where all that is left is rounding of terms that cancel.
void expect_close(const std::vector<double>& fast, const std::vector<double>& slow, double tolerance, double floor,
                  const std::string& what) {
  ASSERT_EQ(fast.size(), slow.size()) << what;
  const double allowed = tolerance * largest(slow) + floor;
  for (std::size_t i = 0; i < slow.size(); ++i)
    ASSERT_NEAR(fast[i], slow[i], allowed) << what << ", element " << i << ", largest " << largest(slow);
}

void expect_gradients(const GradientProblem& p, double tolerance, const std::string& name) {
  const Gradients slow = by_autograd(p);
  const FastProblem fast(p);
  Differentiator both(p.graph, {.of_x = true, .of_parameters = true}, 2);
  double most = 0;
  for (const auto& slopes : slow.d_parameters) most = std::max(most, largest(slopes));
  for (const bool at_once : {false, true}) {
    const Gradients g = fast.by(both, 0, gradient_rows, at_once);
    expect_close(g.out, slow.out, tolerance, 0, name + ": output");
    expect_close(g.d_x, slow.d_x, tolerance, 0, name + ": x");
    for (std::size_t i = 0; i < slow.d_parameters.size(); ++i)
      expect_close(g.d_parameters[i], slow.d_parameters[i], tolerance, tolerance * 0.1 * most,
                   name + ": " + p.graph.parameters[i].name);
  }
  if (p.dropout) return;
  Differentiator of_x(p.graph, {.of_x = true, .of_parameters = false}, 1);
  expect_close(fast.by(of_x).d_x, slow.d_x, tolerance, 0, name + ": x alone");
}

// N(0, 1), or the same divided by the root of what an output adds up: wide layers would saturate what follows.
std::vector<at::Tensor> case_parameters(const Graph& graph, bool wide) {
  std::vector<at::Tensor> parameters;
  for (const Parameter& p : graph.parameters) {
    std::vector<double> values = op_case_values(element_count(p.shape), 10 + parameters.size());
    if (wide)
      for (double& value : values) value /= std::sqrt(static_cast<double>(element_count(p.shape) / p.shape[0]));
    parameters.push_back(engine_tensor(p.shape, values));
  }
  return parameters;
}

// Sizes beyond a block, a vector and a row of columns, which small cases do not reach.
std::vector<OpCase> wide_cases() {
  using B = GraphBuilder;
  return {
      {"winograd", {20, 9, 10}, [](B& b) { b.conv("c", b.input(), 36); }, {}},
      {"two winograds", {17, 8, 8}, [](B& b) { b.conv("d", b.conv("c", b.input(), 16), 33); }, {}},
      {"wide strided conv", {20, 5, 141}, [](B& b) { b.conv("c", b.input(), 33, 3, 1, 2); }, {}},
      {"strided 1 x 1", {20, 5, 6}, [](B& b) { b.conv("c", b.input(), 18, 1, 1, 2); }, {}},
      {"stride 3", {3, 8, 7}, [](B& b) { b.conv("c", b.input(), 5, 5, 1, 3); }, {}},
      {"wide linear", {40}, [](B& b) { b.linear("l", b.input(), 70); }, {}},
      {"wide nin", {33, 5, 4}, [](B& b) { b.nin("n", b.input(), 20); }, {}},
      {"normalised and activated", {24, 5, 7}, [](B& b) { b.silu(b.group_norm("n", b.input())); }, {}},
      {"normalised, read twice",
       {24, 5, 7},
       [](B& b) {
         const int n = b.group_norm("n", b.input());
         b.add(b.silu(n), n, 0.6);
       },
       {}},
      {"attention over many pixels",
       {40, 9, 7},
       [](B& b) { b.attention(b.nin("q", b.input(), 40), b.nin("k", b.input(), 40), b.input(), 2); },
       {}},
      {"attention to itself", {6, 4, 3}, [](B& b) { b.attention(b.input(), b.input(), b.input(), 1); }, {}},
      {"scaled residual block",
       {24, 6, 5},
       [](B& b) {
         const int x = b.conv("in", b.input(), 24);
         int h = b.conv("c", b.silu(b.group_norm("n", x)), 24);
         h = b.add(h, b.linear("t", b.silu(b.fourier("f", b.label(), 8, 1)), 24));
         h = b.conv("d", b.dropout(b.silu(b.group_norm("m", h)), 0.25), 24);
         const int y = b.add(x, h, 0.7);
         b.add(b.concat(y, x), b.concat(b.conv("e", y, 24), y), 0.5);
       },
       {}},
      {"scaled before a convolution",
       {16, 4, 4},
       [](B& b) {
         const int x = b.conv("a", b.input(), 16);
         b.add(x, b.conv("b", b.add(x, b.elu(x), 0.3), 16), 0.7);
       },
       {}},
      {"bilinear from few pixels", {3, 2, 2}, [](B& b) { b.bilinear(b.input(), 31, 29); }, {}},
  };
}

// A few roundings of single precision, of Winograd's transforms a few tens.
TEST(EngineGradient, EveryOpIsLibTorchs) {
  for (const bool wide : {false, true})
    for (const OpCase& op : wide ? wide_cases() : op_cases()) {
      const Graph graph = op.graph();
      bool drops = false;
      for (const Node& node : graph.nodes) drops = drops || node.kind == OpKind::dropout;
      for (const bool dropout : {false, true})
        if (drops || !dropout)
          expect_gradients(gradient_problem(graph, case_parameters(graph, wide), dropout), 1e-5, op.name);
    }
}

GradientProblem network_problem(const EngineCase& c, bool dropout) {
  Network network(build_net(c.net, c.shape), 1, at::kDouble);
  testing_support::stir(network);
  return gradient_problem(network.graph(), network.parameters(), dropout);
}

std::vector<EngineCase> differentiated_networks() {
  std::vector<EngineCase> cases = engine_cases();
  for (const std::string_view name : {"classifier", "wide-resnet", "energy"}) {
    const auto [config, shape] = testing_support::small_net(name);
    cases.push_back({name, shape, config});
  }
  cases.push_back({"energy of rows", {3, 1, 1, false}, testing_support::small_net("energy").config});
  return cases;
}

// Through some 60 layers and back, where each loses some 1e-7 of the largest number.
TEST(EngineGradient, EveryNetworkIsLibTorchs) {
  for (const EngineCase& c : differentiated_networks())
    for (const bool dropout : {false, true})
      expect_gradients(network_problem(c, dropout), 1e-4, std::string(c.name) + (dropout ? ", dropout" : ""));
}

TEST(EngineGradient, ARowIsTheSameBitsInAnyBatchAndAtAnyThreadCount) {
  for (const EngineCase& c : differentiated_networks()) {
    const GradientProblem p = network_problem(c, true);
    const FastProblem fast(p);
    Differentiator one(p.graph, {true, true}, 1), three(p.graph, {true, true}, 3);
    const Gradients whole = fast.by(one), shared = fast.by(three), again = fast.by(three),
                    at_once = fast.by(three, 0, 5, true);
    EXPECT_EQ(whole.out, shared.out) << c.name;
    EXPECT_EQ(whole.d_x, shared.d_x) << c.name;
    EXPECT_EQ(again.d_parameters, shared.d_parameters) << c.name;
    EXPECT_EQ(at_once.d_parameters, shared.d_parameters) << c.name;
    for (std::size_t row = 0; row < gradient_rows; ++row) {
      const Gradients alone = fast.by(three, row, 1);
      const auto at = static_cast<std::ptrdiff_t>(row);
      const auto width = static_cast<std::ptrdiff_t>(fast.width),
                 out_width = static_cast<std::ptrdiff_t>(fast.out_width);
      EXPECT_TRUE(std::equal(alone.out.begin(), alone.out.end(), whole.out.begin() + at * out_width)) << c.name;
      EXPECT_TRUE(std::equal(alone.d_x.begin(), alone.d_x.end(), whole.d_x.begin() + at * width)) << c.name;
    }
  }
}

TEST(EngineGradient, GoesBackwardsAgainAndAgain) {
  for (const EngineCase& c : differentiated_networks()) {
    const GradientProblem p = network_problem(c, false);
    const FastProblem fast(p);
    Differentiator d(p.graph, {.of_x = true, .of_parameters = false}, 2);
    const Gradients first = fast.by(d);
    Floats other(fast.cotangent.rbegin(), fast.cotangent.rend()), d_x(fast.x.size());
    d.backward(other.data(), d_x.data());
    EXPECT_NE(std::vector<double>(d_x.begin(), d_x.end()), first.d_x) << c.name;
    d.backward(fast.cotangent.data(), d_x.data());
    EXPECT_EQ(std::vector<double>(d_x.begin(), d_x.end()), first.d_x) << c.name;
  }
}

double relative(const Batch& fast, const Batch& slow) { return (fast - slow).abs().maxCoeff() / slow.abs().maxCoeff(); }

bool pools(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.kind == OpKind::max_pool; });
}

TEST(EngineGradient, ScoresHaveLibTorchsProducts) {
  Times t(5);
  t << 0.9, 0.9, 0.5, 0.01, 0.2;
  for (const EngineCase& c : engine_cases()) {
    const Model model = stirred_model(c.net, c.shape);
    const Batch x = engine_noise(5, c.shape.size()), v = engine_noise(10, c.shape.size()).bottomRows(5);
    const std::vector<Batch> both = {v, x};
    const ScoreAndVjps slow = NetworkScore(model, {}).with_vjps(x, t, both);
    const EngineScore score(model, {}, 2, ScoreUse::vjps);
    const ScoreAndVjps fast = score.with_vjps(x, t, both);
    EXPECT_LT(relative(fast.score, slow.score), 1e-4) << c.name;
    // Both in single precision, in which the place of a maximum changes hands: a step in the derivative.
    const double tolerance = pools(build_net(c.net, c.shape)) ? 1e-2 : 1e-4;
    for (std::size_t k = 0; k < both.size(); ++k) EXPECT_LT(relative(fast.vjps[k], slow.vjps[k]), tolerance) << c.name;
    EXPECT_TRUE((score.vjp(x, t, v) == fast.vjps[0]).all()) << c.name;
    EXPECT_TRUE((score(x, t) == fast.score).all()) << c.name;
  }
  EXPECT_THROW(EngineScore(stirred_model(engine_cases()[3].net, engine_cases()[3].shape), {}, 1)
                   .vjp(engine_noise(5, 5), t, engine_noise(5, 5)),
               Error);
}

TEST(EngineGradient, EnergiesAreLibTorchs) {
  Times t(5);
  t << 0.9, 0.9, 0.5, 0.01, 0.2;
  const auto [config, pictures] = testing_support::small_net("energy");
  for (const ItemShape& shape : {pictures, ItemShape{3, 1, 1, false}}) {
    const Model model = stirred_model(config, shape);
    const Batch x = engine_noise(5, shape.size());
    const NetworkScore slow(model, 1);
    const EngineScore fast(model, 1, 2);
    EXPECT_LT(relative(fast(x, t), slow(x, t)), 1e-4) << to_text(shape);
    EXPECT_LT(relative(fast.log_density(x, t), slow.log_density(x, t)), 1e-5) << to_text(shape);
    EXPECT_THROW(fast.vjp(x, t, x), Error);
    EXPECT_THROW(EngineScore(model, 1, 2, ScoreUse::vjps), Error);
  }
}

TEST(EngineGradient, AClassifiersGradientIsADifferenceQuotient) {
  const auto [config, shape] = testing_support::small_net("classifier");
  const EngineClassifier classifier(stirred_model(config, shape), 2);
  const Batch x = engine_noise(5, shape.size()), v = engine_noise(10, shape.size()).bottomRows(5);
  Times t(5);
  t << 0.9, 0.9, 0.5, 0.1, 0.2;
  const std::vector<int> classes = {0, 1, 2, 1, 0};
  const auto at = classifier(x, t, classes);
  constexpr double step = 1e-3;
  const Times quotient =
      (classifier(x + step * v, t, classes).value - classifier(x - step * v, t, classes).value) / (2 * step);
  const Times slope = (at.gradient * v).rowwise().sum();
  // Single precision keeps 1e-6 of logits of size 10, of which the quotient keeps a five-hundredth.
  EXPECT_LT((quotient - slope).abs().maxCoeff(), 1e-2 + 1e-2 * slope.abs().maxCoeff());
  EXPECT_GT(slope.abs().maxCoeff(), 0.05) << "too even to tell";
  Times sum = Times::Zero(5);
  for (int k = 0; k < classifier.classes(); ++k) sum += classifier(x, t, std::vector<int>(5, k)).value.exp();
  EXPECT_LT((sum - 1).abs().maxCoeff(), 1e-6);
}

}  // namespace
}  // namespace scoresde
