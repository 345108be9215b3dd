#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "core/workers.h"
#include "engine/plan.h"
#include "net/model.h"
#include "net/preconditioning.h"
#include "score/score.h"

namespace scoresde {

/// The network of a checkpoint as a score, evaluated by the engine: float32 inside, put together in double as
/// NetworkScore does, with which it agrees to some 1e-5 of the output's size. Row i is the same bits at any batch size,
/// order of rows and number of threads. No derivative yet.
class EngineScore : public Score {
 public:
  /// class_index: which class; none: unconditional. Error{usage} for a class the network does not have, a network that
  /// gives no score, or an op without a kernel.
  EngineScore(const Model& model, std::optional<int> class_index, int threads);
  ~EngineScore() override;

  Batch operator()(const Batch& x, const Times& t) const override;
  Index dimension() const override { return spec_.shape.size(); }

 private:
  struct Memory;
  struct Chunk;

  std::vector<Chunk> chunks_of(const std::vector<Preconditioning>& at) const;
  void fill(const Run& run, const Batch& x, Index first, const std::vector<Preconditioning>& at) const;
  void label(Memory& memory, double label) const;
  void evaluate(const Chunk& chunk, Memory& memory, const Batch& x, const std::vector<Preconditioning>& at,
                Batch& result) const;
  void evaluate_together(const Chunk& chunk, const Batch& x, const std::vector<Preconditioning>& at,
                         Batch& result) const;
  void collect(const Run& run, const Batch& x, Index first, const std::vector<Preconditioning>& at,
               Batch& result) const;

  ModelSpec spec_;
  std::optional<int> class_index_;
  int classes_;
  std::shared_ptr<const Sde> sde_;
  const PredictionEntry* prediction_;
  Plan plan_;
  Index samples_at_once_;
  mutable WorkerPool workers_;
  std::vector<std::unique_ptr<Memory>> memories_;  // one a worker
};

}  // namespace scoresde
