#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "net/model.h"
#include "net/preconditioning.h"
#include "nn/dense.h"
#include "nn/network.h"
#include "score/score.h"

namespace scoresde {

/// A network as a score: x goes in scaled by the preconditioning, F comes out in float32, and score = score_x x +
/// score_f F is put together in double (net/preconditioning.h). J^T v by reverse mode.
/// Row i is the same bits at any batch size, order of rows and number of threads: see the .cpp for what was measured.
/// Networks of rows (MLPs) in float32 on the CPU are evaluated in blocks (nn/dense.h), others row by row with ATen.
class NetworkScore : public Score {
 public:
  /// The network of a checkpoint. class_index: which class; none: unconditional ("no class" where the network has
  /// classes). Error{usage} for a class the network does not have, or a network that gives no score (a classifier).
  explicit NetworkScore(const Model& model, std::optional<int> class_index = {});

  /// Tensors in the order of the parameters of build_net(spec.net, spec.shape), as they are now: for a network in
  /// training, or its moving average. float32 or float64, on the CPU or not.
  NetworkScore(const ModelSpec& spec, std::vector<at::Tensor> parameters, std::optional<int> class_index = {});

  Batch operator()(const Batch& x, const Times& t) const override;
  Batch vjp(const Batch& x, const Times& t, const Batch& v) const override;
  ScoreAndVjps with_vjps(const Batch& x, const Times& t, std::span<const Batch> v) const override;

  /// Energies only: -E up to a constant of t, E = (score_f / input) f - score_x ||x||^2 / 2. Error{usage} for others.
  Times log_density(const Batch& x, const Times& t) const override;

  Index dimension() const override { return spec_.shape.size(); }

  const Sde& sde() const { return *sde_; }

  /// The same network for another class; weights are shared.
  NetworkScore with_class(std::optional<int> class_index) const;

 private:
  void check(const Batch& x, const Times& t) const;
  void evaluate_row(Index i, const Batch& x, const Times& t, std::span<const Batch> v, Batch* score,
                    Batch* const* vjps) const;
  void evaluate_block(Index first, Index count, const Batch& x, const Times& t, std::span<const Batch> v, Batch* score,
                      Batch* const* vjps) const;
  at::Tensor class_labels(Index count) const;

  ModelSpec spec_;
  std::shared_ptr<const Graph> graph_;
  std::vector<at::Tensor> parameters_;
  std::shared_ptr<const DenseNetwork> dense_;  ///< null where the network is none of rows
  std::optional<int> class_index_;
  std::shared_ptr<const Sde> sde_;
  const PredictionEntry* prediction_;
};

}  // namespace scoresde
