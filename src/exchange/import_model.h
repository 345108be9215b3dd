#pragma once
#include <map>
#include <string>
#include <vector>

#include "exchange/architecture.h"
#include "exchange/checkpoint_file.h"
#include "net/model.h"

namespace scoresde {

/// What the user says about a checkpoint: settings of a training run (tables "sde", "net", "data"), of which only those
/// matter here that a checkpoint cannot tell.
struct ImportHints {
  Json weak = Json::object();    ///< of a preset or a configuration file: the file's own evidence wins
  Json strong = Json::object();  ///< of --set and the like: they win
  int height = 0, width = 0;     ///< of the pictures; 0: not given
};

/// A checkpoint of others as a model of ours.
struct ImportedModel {
  ModelSpec spec;
  std::map<std::string, Tensor> average, raw;  ///< by parameter name; equal where the file has one set alone
  bool has_average = false;
  long long step = 0;
  std::vector<std::string> notes;  ///< what was concluded and assumed, a sentence each
};

/// Error{usage} lists what neither the file nor the hints tell and how to give it; Error{data} where names and shapes
/// do not fit, as a diff.
ImportedModel import_model(const CheckpointFile& file, const ImportHints& hints, const std::string& where);

/// Numbers as our networks take them: float16 and bfloat16 widened to float32, which is exact; float32 and float64 as
/// they are. Error{data} for others; `name` names the array.
Tensor floating(const ArrayView& array, const std::string& name);

}  // namespace scoresde
