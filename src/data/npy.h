#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/batch.h"
#include "core/image.h"
#include "core/safetensors.h"

namespace scoresde {

/// Arrays of an .npz file by name, in the file's order.
using NamedArrays = std::vector<std::pair<std::string, Tensor>>;

/// A .npy file (NumPy's format 1.0 to 3.0): booleans, integers and floats of either byte order, C or Fortran order;
/// unsigned integers of 2 to 8 bytes arrive as int64. Error{data} for anything else, and where the file does not hold
/// exactly the array that its header announces.
Tensor read_npy(const fs::path& path);

/// The same from memory; `where` names it in messages.
Tensor parse_npy(std::span<const std::uint8_t> bytes, const std::string& where);

/// An .npz file: a ZIP archive of .npy files, stored or deflated.
NamedArrays read_npz(const fs::path& path);

/// Format 1.0. float32, float64, uint8, int64 and the smaller signed integers; replaced atomically.
void write_npy(const fs::path& path, const Tensor& array);

/// Deterministic bytes; `deflate` packs them (slower, and photographs' noise does not pack).
void write_npz(const fs::path& path, const NamedArrays& arrays, bool deflate = true);

/// Samples as float32 of shape (rows, columns).
Tensor to_tensor(const Batch& batch);

/// A rank-1 or rank-2 array of any number type, as samples.
Batch to_batch(const Tensor& array, const std::string& where);

/// Images as the evaluation suites of guided diffusion read them: arr_0 uint8 (N, H, W, C), and arr_1 int64 (N) where
/// there are labels. All images must have one size.
NamedArrays sample_arrays(std::span<const Image> images, std::span<const std::int32_t> labels = {});

}  // namespace scoresde
