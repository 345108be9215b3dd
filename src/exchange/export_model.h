#pragma once
#include <map>
#include <string>

#include "core/file.h"
#include "net/model.h"

namespace scoresde {

/// The weights of a model that is written for others.
struct ExportedWeights {
  std::map<std::string, Tensor> average;  ///< what the model samples with
  std::map<std::string, Tensor> raw;      ///< as the optimiser left them; empty where they are not kept
  long long step = 0;
  double decay = 0.9999;  ///< of the average
};

/// score_sde's {"model", "ema", "step"} as torch.load reads it, without the optimiser's state, and with our description
/// of the model as a text. Names of score_sde's networks get its prefix "module.".
void export_torch(const fs::path& path, const ModelSpec& spec, const ExportedWeights& weights);

/// A folder with config.json and diffusion_pytorch_model.safetensors, which diffusers' UNet2DModel.from_pretrained
/// reads. Error{usage} names the setting that it cannot express (see diffusers.cpp).
void export_diffusers(const fs::path& folder, const ModelSpec& spec, const std::map<std::string, Tensor>& weights);

}  // namespace scoresde
