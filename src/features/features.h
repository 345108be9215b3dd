#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/batch.h"
#include "core/config.h"
#include "core/item_shape.h"
#include "data/dataset.h"

namespace scoresde {

/// A map of items to the space in which they are compared.
class FeatureSpace {
 public:
  virtual ~FeatureSpace() = default;

  /// Features of items in model units (pictures in [-1, 1], tables in standard deviations): rows x dimension(). Row i
  /// is a function of row i alone.
  virtual Batch operator()(const Batch& items) const = 0;
  virtual Index dimension() const = 0;
};

/// What tells one feature space from another: two sets of features may be compared where all of it agrees.
struct FeatureIdentity {
  std::string name;    ///< as numbers are labelled: FD[name]; "inception" alone may be called FID
  std::string digest;  ///< of weights, basis or rule
  std::string resize;  ///< what was done to the pixels before: "none", "bilinear 96x96", ...

  bool operator==(const FeatureIdentity&) const = default;
  static constexpr auto fields() {
    return std::tuple{field("name", &FeatureIdentity::name, "the feature space"),
                      field("digest", &FeatureIdentity::digest, "of its weights"),
                      field("resize", &FeatureIdentity::resize, "how pictures are resized")};
  }
};

struct Features {
  std::unique_ptr<FeatureSpace> space;
  FeatureIdentity identity;
};

/// What a space is made from.
struct FeatureRequest {
  std::string file;     ///< behind the colon of NAME:FILE, or empty
  const Dataset& real;  ///< the data that samples are compared with
  int threads = 1;
  /// TorchScript modules need LibTorch, which this folder does not see.
  std::function<std::unique_ptr<FeatureSpace>(const std::string& file, const ItemShape& shape)> load_torchscript = {};
};

/// A row of the table of feature spaces.
struct FeatureEntry {
  std::string_view name, summary;
  bool needs_file;
  bool pictures_only;
  Features (*make)(const FeatureRequest&);
};
std::span<const FeatureEntry> feature_spaces();

/// "pca", "classifier:runs/judge". Error{usage} for an unknown name, a file that is missing or not wanted, tables where
/// only pictures can be had.
Features make_features(const std::string& text, FeatureRequest request);

}  // namespace scoresde
