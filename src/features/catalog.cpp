#include "core/catalog.h"

#include "features/features.h"

namespace scoresde {

Features make_pixel_features(const FeatureRequest&);
Features make_pca_features(const FeatureRequest&);
Features make_random_features(const FeatureRequest&);
Features make_classifier_features(const FeatureRequest&);
Features make_mobilenet_features(const FeatureRequest&);
Features make_inception_features(const FeatureRequest&);

namespace {

constexpr FeatureEntry feature_table[] = {
    {"pixels", "the values themselves: pixels in [-1, 1], columns in standard deviations", false, false,
     make_pixel_features},
    {"pca", "whitened along the first 64 principal components of the real data", false, false, make_pca_features},
    {"random", "160 channel means of a convolutional net with fixed random weights (Naeem et al. 2020)", false, true,
     make_random_features},
    {"classifier", "the last hidden layer of a classifier of your own: classifier:RUN", true, false,
     make_classifier_features},
    {"mobilenet", "1024 ImageNet features: mobilenet:FILE, MobileNet v1 as .safetensors", true, true,
     make_mobilenet_features},
    {"inception", "what FID is made of: inception:FILE, the TorchScript inception-2015-12-05.pt", true, true,
     make_inception_features},
};

}  // namespace

std::span<const FeatureEntry> feature_spaces() { return feature_table; }

Features make_features(const std::string& text, FeatureRequest request) {
  const std::size_t colon = text.find(':');
  const FeatureEntry& entry = find_entry("feature space", feature_spaces(), text.substr(0, colon));
  if (colon != std::string::npos) request.file = text.substr(colon + 1);
  if (entry.needs_file && request.file.empty())
    fail(Failure::usage, "features {}: a file is needed, as in {}:FILE", text, entry.name);
  if (!entry.needs_file && !request.file.empty()) fail(Failure::usage, "features {}: no file is read here", text);
  if (entry.pictures_only && !request.real.shape.image)
    fail(Failure::usage, "features {}: these are of pictures, and {} is a table", text, request.real.name);
  return entry.make(request);
}

}  // namespace scoresde
