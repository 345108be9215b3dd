#pragma once
#include <memory>
#include <string>

#include "cli/draw.h"
#include "core/image.h"

namespace scoresde {

/// Where samples go. The form follows the path: a folder of PNGs, a `.png` grid, `.npz`, `.npy` or `.csv`.
class SampleSink {
 public:
  virtual ~SampleSink() = default;
  virtual void add(std::span<const std::uint64_t> ids, const Batch& rows) = 0;
  virtual void finish() = 0;  ///< nothing that stands at the path before is lost when an error comes first
};

/// Error{usage} where the path exists and `force` is false, or the form does not fit the samples (pictures of tables).
std::unique_ptr<SampleSink> open_sink(const std::string& path, const ModelSpec& spec, const Json& recipe,
                                      int class_label, std::size_t count, bool force);

/// The one picture of several samples: a grid, or the points of a table of two columns.
Image picture_of_samples(const Batch& rows, const ItemShape& shape);

/// Rows in the units of the data: pictures stay in [-1, 1], columns of tables get their mean and deviation back.
Batch to_data_units(const Batch& rows, const ModelSpec& spec);

}  // namespace scoresde
