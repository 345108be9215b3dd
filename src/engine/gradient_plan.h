#pragma once
#include <functional>
#include <vector>

#include "engine/gradient_kernels.h"
#include "engine/plan.h"

namespace scoresde {

/// Which derivatives a network is compiled for.
struct Derivatives {
  bool of_x = true;
  bool of_parameters = false;
};

/// A network compiled for reverse mode. No value is shared by samples: each has a label and a class of its own.
/// Run::memory holds what backward steps need until they have run, and for good where only the derivative by x is
/// wanted, so that the backward steps may run again. Run::shared holds sums of parameters' gradients.
struct GradientPlan {
  struct Step {
    std::function<KernelPtr(const Weights&)> make;
    bool weighted = false;  ///< the kernel holds weights
    KernelPtr kernel;
  };
  std::vector<Step> forward, backward;

  Place input, output, label, class_label;  ///< label and class_label have no rows where the network has none
  Place d_output, d_input;                  ///< d_input has none where nothing depends on x, or it is not wanted

  /// The sum of a parameter's gradient: a plain list of numbers, or a product's tiles.
  struct ParameterSum {
    Size offset = -1;  ///< in Run::shared; below 0: no gradient reaches it
    bool tiles = false;
    WeightSum weights = {};
    bool turned = false;  ///< stored (in, out)
    float scale = 1;
  };
  std::vector<ParameterSum> sums;  ///< one a parameter
  Size sum_floats = 0;

  /// Factors 0 or 1 / (1 - rate) that the caller fills in before the forward steps.
  struct Mask {
    int node;
    double rate;
    Place place;
  };
  std::vector<Mask> masks;

  Size floats_a_sample = 0;

  /// Makes the kernels, or those with weights again.
  void set_weights(const Weights& weights);

  Size scratch(Size samples) const;
};

/// Error{usage} names an op that has no gradient.
GradientPlan compile_gradient(const Graph& graph, Derivatives wanted);

}  // namespace scoresde
