#pragma once
#include <memory>
#include <string>

#include "features/features.h"

namespace scoresde {

/// The TorchScript Inception of StyleGAN2-ADA, whose forward(8-bit RGB pictures as numbers 0 .. 255, return_features =
/// true) gives 2,048 features. Grey pictures become RGB. Error{data} where the file is no such module.
std::unique_ptr<FeatureSpace> load_torchscript_features(const std::string& file, const ItemShape& shape);

}  // namespace scoresde
