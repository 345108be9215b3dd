#pragma once
#include <string>

#include "core/safetensors.h"
#include "data/dataset.h"
#include "data/named_sets.h"

namespace scoresde {

/// Readers of the file formats behind load_dataset. Each takes its bytes as hostile input and throws Error{data} naming
/// the file. They return tables unstandardised and labels unnamed where the format has no names; load_dataset finishes
/// both.

/// An array as items, by the rule of load_dataset.
Dataset dataset_from_array(const Tensor& data, const std::string& where);

/// Element i of an array, whatever its number type.
double number_at(const Tensor& array, std::size_t i, const std::string& where);

/// Labels from an array of whole numbers of shape (N) or (N, 1). Error{data} where N is not the number of items.
void set_labels(Dataset& dataset, const Tensor& labels, const std::string& where);

/// Pixels in (N, H, W, C) order put into (N, C, H, W).
std::vector<std::uint8_t> channels_first(std::span<const std::uint8_t> pixels, std::size_t count, std::size_t area,
                                         std::size_t channels);

/// The IDX format of MNIST (http://yann.lecun.com/exdb/mnist): 0, 0, type, rank, then big-endian extents, then values.
Tensor read_idx(const fs::path& path);
/// An IDX file of items and, where `x-labels-idx1-ubyte` lies beside `x-images-idx3-ubyte`, its labels.
Dataset load_idx_file(const fs::path& path);
/// A folder of them: one set, or the pair train-* and t10k-* (or test-*).
Dataset load_idx_folder(const fs::path& folder, Split split);

/// One CIFAR binary batch: records of 1 label byte (CIFAR-10) or coarse and fine label bytes (CIFAR-100, whose fine one
/// is kept) and 3 x 32 x 32 pixels.
Dataset load_cifar_file(const fs::path& path);
/// A folder of them: data_batch_*.bin and test_batch.bin, or train.bin and test.bin; each also .gz.
Dataset load_cifar_folder(const fs::path& folder, Split split);

/// PNG and JPEG files of a folder, in the order of their names; its sub-folders are classes, or are `train` and `test`.
Dataset load_image_folder(const fs::path& folder, Split split, const LoadOptions& options);

/// One image: a set of one item.
Dataset load_image_file(const fs::path& path, const LoadOptions& options);

Dataset load_npy_file(const fs::path& path);
/// Items under images, arr_0, x or data, labels under labels, arr_1, y or label; or with a split, under x_train /
/// y_train / x_test / y_test or train_images / train_labels / test_images / test_labels.
Dataset load_npz_file(const fs::path& path, Split split);

/// Numbers separated by commas, semicolons or tabs, with a line of column names or not; a column named `label` or
/// `class` holds labels.
Dataset load_csv_file(const fs::path& path);

/// A named two-dimensional distribution.
Dataset load_toy(std::string_view name, Split split, const LoadOptions& options);

/// True where the name ends in one of the suffixes, letters' case apart.
bool has_suffix(const fs::path& path, std::initializer_list<std::string_view> suffixes);

/// The files of a folder, hidden ones apart, sorted by name.
std::vector<fs::path> files_of(const fs::path& folder);

/// Error{data}: this data set has no such split.
void require_no_split(const std::string& where, Split split);

/// The bytes a data file may unpack to: far above any set that fits into memory, far below a decompression bomb.
inline constexpr std::uint64_t kMostDataBytes = std::uint64_t{1} << 35;

}  // namespace scoresde
