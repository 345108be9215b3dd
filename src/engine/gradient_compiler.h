#pragma once
#include <initializer_list>
#include <memory>

#include "engine/gradient_plan.h"
#include "engine/memory_layout.h"

// How compile_gradient() works: gradient_forward.cpp decides what becomes one step and records the forward steps,
// gradient_backward.cpp the backward ones, gradient_plan.cpp lays out memory and makes the kernels.
namespace scoresde {

constexpr int for_ever = 1 << 30;

inline bool is_a_product(OpKind kind) { return kind == OpKind::conv || kind == OpKind::linear || kind == OpKind::nin; }

// A Place before memory is laid out.
struct Spot {
  int piece = -1;
  Size channel = 0, stride = 0, rows = 0, channels = 0;
};

struct SpotSink {
  Spot y;
  bool add = false;
  Spot base = {};
  float scale = 1;
};

// The derivative of the loss with respect to a node's value, as far as it is known: `scale` times what is at `spot`,
// which may belong to another node.
struct Slope {
  Spot spot;
  float scale = 1;
  bool owned = false;
  bool known() const { return spot.piece >= 0; }
};

class GradientCompiler {
 public:
  GradientCompiler(const Graph& graph, Derivatives wanted)
      : graph_(std::make_shared<const Graph>(graph)), wanted_(wanted), facts_(graph.nodes.size()) {
    plan_.sums.resize(graph.parameters.size());
  }

  GradientPlan compile();

 private:
  struct Facts {
    int source = -1;        // the node whose value this is, where the op does nothing
    int readers = 0;        // nodes, and the caller for the output
    bool absorbed = false;  // computed inside the step of another node
    int product = -1;       // of a sum: the product that ends in it; of SiLU: the normalisation before it
    int residual = -1;
    int shares = -1;     // the node whose memory it overwrites
    Spot mask;           // of dropout
    bool needs = false;  // its derivative is wanted
    Spot home;
    Slope slope;
  };
  using Places = std::function<Place(const Spot&)>;
  using Maker = std::function<KernelPtr(const Places&, const Weights&)>;
  struct Record {
    Maker make;
    bool weighted;
  };

  const Node& node(int i) const { return graph_->nodes[static_cast<std::size_t>(i)]; }
  Facts& facts(int i) { return facts_[static_cast<std::size_t>(i)]; }
  int count() const { return static_cast<int>(facts_.size()); }
  int source(int i) {
    while (facts(i).source >= 0) i = facts(i).source;
    return i;
  }
  int input(int i, std::size_t k) { return source(node(i).inputs[k]); }
  int output() { return source(count() - 1); }
  Size rows(int i) const { return node(i).shape.size() == 3 ? node(i).shape[1] * node(i).shape[2] : 1; }
  Size channels(int i) const { return node(i).shape[0]; }
  bool wants(int i, std::size_t k) const {
    return wanted_.of_parameters && node(i).parameters.size() > k &&
           graph_->parameters[static_cast<std::size_t>(node(i).parameters[k])].trainable;
  }

  // What becomes one step, and what lives where.
  void study();
  void absorb_silu(int i);
  void absorb_add(int i);
  void overwrite(int i);
  void join(int i);

  const Spot& home(int i);
  Spot new_spot(int i);
  void touch(const Spot& spot);
  void step(std::initializer_list<Spot> touched, Maker make, bool weighted = false);

  void forward(int i);
  void forward_product(int i);
  void forward_concat(int i);
  void forward_mask(int i);

  // Contributions to the slope of node i: where a step may add one, a part of another slope, and a place that a step
  // only writes, which settle() adds to what there was.
  SpotSink contribute(int i);
  void contribute(int i, const Spot& spot, float scale);
  Spot place_for(int i);
  void settle(int i, const Spot& written);
  /// The slope of node i with scale 1.
  Spot unscaled(int i);
  Size sum_of(int i, std::size_t k, float scale, bool tiles = false);

  void backward(int i);
  void backward_product(int i);
  void backward_norm(int norm, int i, bool silu);
  void backward_instance_norm(int i);
  void backward_modulate(int i);
  void backward_add(int i);
  void backward_concat(int i);
  void backward_attention(int i);
  void backward_depth(int i);
  void backward_simple(int i);

  void finish();

  std::shared_ptr<const Graph> graph_;
  Derivatives wanted_;
  std::vector<Facts> facts_;
  MemoryLayout memory_;
  std::vector<Record> forward_, backward_;
  int now_ = 0, turn_ = for_ever;
  Spot label_, class_label_, d_output_;
  GradientPlan plan_;
};

}  // namespace scoresde
