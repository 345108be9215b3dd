#pragma once
#include <memory>
#include <string>

#include "engine/engine_score.h"
#include "engine/tuning.h"

namespace scoresde {

/// What evaluates a network. "auto" is the engine for every network it has kernels for, on the CPU, and LibTorch
/// otherwise; "fast" is the engine or an error; "torch" is LibTorch.
struct EngineChoice {
  std::string engine = "auto", device = "cpu";
  Tuning tuning;  ///< of the engine's convolutions: read_tuning() of the model's file
};

/// "fast" or "torch", decided for this model. Error{usage} where the engine asked for cannot serve it.
std::string resolve_engine(const EngineChoice& choice, const Model& model, ScoreUse use = ScoreUse::values);

/// The model's network as a score, conditioned on a class (-1: unconditional). LibTorch is opened only where it is
/// needed.
std::unique_ptr<Score> load_score(const EngineChoice& choice, const Model& model, int class_label, int threads,
                                  ScoreUse use = ScoreUse::values);
/// The same, taking the model's weights, so that they are not held twice.
std::unique_ptr<Score> load_score(const EngineChoice& choice, Model&& model, int class_label, int threads,
                                  ScoreUse use = ScoreUse::values);

}  // namespace scoresde
