#include <cmath>
#include <limits>

#include "cli/model_flow.h"
#include "cli/restore.h"
#include "core/catalog.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/npy.h"

namespace scoresde {
namespace {

bool is_picture_file(const std::string& path) {
  const std::string form = fs::path(path).extension().string();
  return form == ".png" || form == ".jpg" || form == ".jpeg";
}

/// An array of any shape as one row.
Batch flat_row(const std::string& path) {
  Tensor array = read_npy(path);
  array.shape = {array.size()};
  return to_batch(array, path).transpose();
}

Image with_channels(const Image& image, int channels) {
  if (image.channels == channels) return image;
  Image out{.width = image.width, .height = image.height, .channels = channels, .pixels = {}};
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      double grey = image.at(x, y, 0);
      if (image.channels == 3) grey = 0.299 * grey + 0.587 * image.at(x, y, 1) + 0.114 * image.at(x, y, 2);
      for (int c = 0; c < channels; ++c) out.pixels.push_back(static_cast<std::uint8_t>(std::lround(grey)));
    }
  return out;
}

std::string size_text(const Image& image) { return fmt::format("{}x{}", image.width, image.height); }

// A pixel is seen where most of what became it was, and all of it where pixels were merged: what is missing must not
// leak in.
Eigen::ArrayXd mask_values(const Image& mask, const ItemShape& shape) {
  const bool shrinks = mask.width > shape.width || mask.height > shape.height;
  const Image fitted = resize(with_channels(mask, 1), shape.width, shape.height);
  Eigen::ArrayXd seen(static_cast<Index>(fitted.pixels.size()));
  for (std::size_t i = 0; i < fitted.pixels.size(); ++i)
    seen[static_cast<Index>(i)] = fitted.pixels[i] > (shrinks ? 250 : 127);
  return seen;
}

/// Lines "row,column,value", 0-based, a first line of names allowed.
Eigen::SparseMatrix<double> read_triplets(const std::string& path, Index columns) {
  std::vector<Eigen::Triplet<double>> entries;
  long long most = -1, number = 0;
  for (std::string line : split(read_text(path), '\n')) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    const std::vector<std::string> parts = split(line, ',');
    long long row = 0, column = 0;
    double value = 0;
    const bool fine = parts.size() == 3 && parse_number(parts[0], row) && parse_number(parts[1], column) &&
                      parse_number(parts[2], value);
    if (!fine && number == 1) continue;
    if (!fine || row < 0 || row >= 1 << 28 || column < 0 || column >= columns)
      fail(Failure::data, "{}:{}: '{}' is not row,column,value with a column from 0 to {}", path, number, line,
           columns - 1);
    entries.emplace_back(static_cast<int>(row), static_cast<int>(column), value);
    most = std::max(most, row);
  }
  if (entries.empty()) fail(Failure::data, "{}: there are no entries of a matrix", path);
  Eigen::SparseMatrix<double> matrix(most + 1, columns);
  matrix.setFromTriplets(entries.begin(), entries.end());
  return matrix;
}

Eigen::SparseMatrix<double> read_matrix(const std::string& path, Index columns) {
  const std::string form = fs::path(path).extension().string();
  if (form == ".csv") return read_triplets(path, columns);
  if (form != ".npy" && form != ".npz")
    fail(Failure::usage, "--matrix {}: a .npy or .npz of a full matrix, or a .csv of row,column,value", path);
  Tensor array;
  if (form == ".npy") {
    array = read_npy(path);
  } else {
    NamedArrays arrays = read_npz(path);
    if (arrays.size() != 1) fail(Failure::data, "{}: {} arrays, where one matrix is expected", path, arrays.size());
    array = std::move(arrays.front().second);
  }
  if (array.shape.size() != 2) fail(Failure::data, "{}: an array of rank {} is no matrix", path, array.shape.size());
  return to_batch(array, path).matrix().sparseView(0, 0);
}

DataUnits units_of(const ModelSpec& spec) {
  if (spec.shape.image) return DataUnits::of_pictures(spec.shape.size());
  DataUnits units{Eigen::ArrayXd::Ones(spec.shape.size()), Eigen::ArrayXd::Zero(spec.shape.size())};
  for (Index j = 0; j < spec.shape.size() && !spec.column_std.empty(); ++j) {
    units.scale[j] = spec.column_std[static_cast<std::size_t>(j)];
    units.shift[j] = spec.column_mean[static_cast<std::size_t>(j)];
  }
  return units;
}

OperatorInputs read_operator_inputs(const RestoreFlags& flags, const ModelSpec& spec, RestoreInputs& inputs) {
  OperatorInputs read;
  if (!flags.mask.empty()) {
    if (is_picture_file(flags.mask)) {
      if (!spec.shape.image)
        fail(Failure::usage, "--mask {}: a picture is no mask of {}", flags.mask, to_text(spec.shape));
      inputs.mask = read_image(flags.mask);
      read.mask = mask_values(*inputs.mask, spec.shape);
    } else {
      read.mask = flat_row(flags.mask).row(0).transpose();
    }
  }
  if (!flags.matrix.empty()) read.matrix = read_matrix(flags.matrix, spec.shape.size());
  if (!flags.maps.empty()) {
    const Index size = 2 * Index{1} * spec.shape.height * spec.shape.width;
    const Batch row = flat_row(flags.maps);
    if (row.cols() % size != 0)
      fail(Failure::data, "{}: {} values are no maps of shape (coils, 2, {}, {})", flags.maps, row.cols(),
           spec.shape.height, spec.shape.width);
    read.maps = Eigen::Map<const Batch>(row.data(), row.cols() / size, size);
  }
  return read;
}

/// A picture file as the row of `shape` it stands for.
Batch fitted_row(const Image& image, const ItemShape& shape, const std::string& path, RestoreInputs& inputs,
                 RestoreItem& item) {
  if (image.channels != shape.channels)
    inputs.notes.push_back(
        fmt::format("{}: {} is taken for {}", path, image.channels == 3 ? "colour" : "grey",
                    shape.channels == 3 ? "colour of equal channels" : "its brightness, which the model is of"));
  if (image.width != shape.width || image.height != shape.height) {
    inputs.notes.push_back(
        fmt::format("{} has {} pixels and the model {}x{}: resized for the model, and the result back", path,
                    size_text(image), shape.width, shape.height));
    item.original = with_channels(image, shape.channels);
  }
  return image_to_row(resize(with_channels(image, shape.channels), shape.width, shape.height));
}

Batch data_of(const Batch& rows, const DataUnits& units) {
  return (rows.rowwise() * units.scale.transpose()).rowwise() + units.shift.transpose();
}

void require_mask_of(const RestoreInputs& inputs, int width, int height, const RestoreFlags& flags) {
  if (inputs.mask && (inputs.mask->width != width || inputs.mask->height != height))
    fail(Failure::data, "{}: a mask of {} pixels does not fit {} of {}x{}", flags.mask, size_text(*inputs.mask),
         flags.input, width, height);
}

/// A measurement as a picture or an array.
void read_measured(const RestoreFlags& flags, const ModelSpec& spec, RestoreInputs& inputs) {
  RestoreItem item;
  const Operator& op = *inputs.op;
  if (!is_picture_file(flags.input)) {
    if (fs::path(flags.input).extension() != ".npy")
      fail(Failure::usage, "{}: what was measured is a picture or a .npy; --simulate degrades an item of a data set",
           flags.input);
    item.y = flat_row(flags.input);
    if (item.y.cols() != op.outputs())
      fail(Failure::data, "{}: {} values, but the operator {} measures {}", flags.input, item.y.cols(),
           flags.operator_name, op.outputs());
    inputs.items.push_back(std::move(item));
    return;
  }
  const Image image = read_image(flags.input);
  const ItemShape measured = op.measured_shape();
  if (find_entry("operator", operators(), flags.operator_name).selects && spec.shape.image) {
    require_mask_of(inputs, image.width, image.height, flags);
    item.y = op(data_of(fitted_row(image, spec.shape, flags.input, inputs, item), inputs.units));
  } else if (measured.image && measured.height == image.height && measured.width == image.width) {
    item.y = 0.5 * (image_to_row(with_channels(image, measured.channels)) + 1);
  } else if (measured.image) {
    fail(Failure::data, "{}: {} pixels, but operator {} of this model measures {}; --simulate degrades a clean picture",
         flags.input, size_text(image), flags.operator_name, to_text(measured));
  } else {
    fail(Failure::usage,
         "{}: operator {} measures no picture, so its {} values are given as a .npy; --simulate degrades "
         "a clean picture",
         flags.input, flags.operator_name, op.outputs());
  }
  inputs.items.push_back(std::move(item));
}

/// Clean items, of a picture, an array or a data set ("DATA:17", "DATA:0-15").
void read_clean(const RestoreFlags& flags, const ModelSpec& spec, RestoreInputs& inputs) {
  const auto add = [&](Batch truth, std::uint64_t id, const std::string& name) {
    require_finite(truth, flags.input);
    RestoreItem item{.name = name, .id = id, .truth = std::move(truth)};
    item.y = simulate(*inputs.op, data_of(item.truth, inputs.units), flags.noise,
                      static_cast<std::uint64_t>(flags.seed), {&id, 1});
    inputs.items.push_back(std::move(item));
  };
  if (is_picture_file(flags.input)) {
    if (!spec.shape.image)
      fail(Failure::usage, "{}: the model is of {}, not of pictures", flags.input, to_text(spec.shape));
    const Image image = read_image(flags.input);
    require_mask_of(inputs, image.width, image.height, flags);
    RestoreItem ignored;
    return add(fitted_row(image, spec.shape, flags.input, inputs, ignored), 0, "");
  }
  const std::size_t colon = flags.input.rfind(':');
  if (colon == std::string::npos || colon == 0)
    fail(Failure::usage,
         "{}: a clean input is a picture, or items of a data set such as fashion-mnist#test:17 or digits:0-15",
         flags.input);
  const std::string name = flags.input.substr(0, colon);
  const auto ids = parse_ranges(flags.input.substr(colon + 1), "the items");
  if (spec.shape.image) require_mask_of(inputs, spec.shape.width, spec.shape.height, flags);
  const Dataset data = load_for_model(name, spec);
  for (const std::uint64_t id : ids) {
    if (id >= data.count) fail(Failure::usage, "{}: there are items 0 to {}", flags.input, data.count - 1);
    const auto index = static_cast<std::uint32_t>(id);
    add(data.batch({&index, 1}), id, ids.size() > 1 ? std::to_string(id) : "");
  }
}

}  // namespace

RestoreInputs read_restore_inputs(const RestoreFlags& flags, const ModelSpec& spec) {
  check_noise(flags.noise);
  RestoreInputs inputs{.units = units_of(spec)};
  const OperatorInputs files = read_operator_inputs(flags, spec, inputs);
  inputs.op = make_operator(flags.operator_name, spec.shape, flags.operator_options, files);
  flags.simulate ? read_clean(flags, spec, inputs) : read_measured(flags, spec, inputs);
  return inputs;
}

}  // namespace scoresde
