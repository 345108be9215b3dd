#pragma once
#include <span>

#include "core/batch.h"
#include "core/image.h"
#include "data/dataset.h"

namespace scoresde {

/// Pictures row by row, `gap` white pixels apart and around, each pixel enlarged to scale x scale. Cells have the size
/// of the largest picture; grey among RGB becomes RGB. `columns` 0: nearly square; `scale` 0: cells of at least 64
/// pixels.
Image grid(std::span<const Image> images, int columns = 0, int gap = 2, int scale = 0);

/// Points of the plane (the first two columns) as a grey histogram of side x side cells on [-extent, extent]^2, dark
/// where they are many; y points up.
Image scatter_image(const Batch& points, int side = 256, double extent = 3);

/// What a data set looks like: the first `most` images in a grid, or the points of a table of two or more columns in
/// model units. Error{usage} for a table of one column.
Image dataset_grid(const Dataset& set, std::size_t most = 64);

}  // namespace scoresde
