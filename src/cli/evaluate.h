#pragma once
#include <string>

#include "cli/app.h"
#include "cli/draw.h"
#include "core/batch.h"
#include "data/dataset.h"

namespace scoresde {

struct EvaluateFlags {
  std::string samples, against, classifier, metrics;
  std::size_t n = 1000;
  DrawPlan plan;
};

/// Whether `path` is a run or a model file: then samples are drawn; anything else is read as data.
bool is_model(const fs::path& path);

/// flags.n samples of a model in model units.
Batch drawn_rows(const Model& model, EvaluateFlags& flags, const CommonFlags& common);

/// The metrics of `metrics/` between samples and real data, each beside its value for real data against real data.
void compare_with_data(EvaluateFlags& flags, const CommonFlags& common);

}  // namespace scoresde
