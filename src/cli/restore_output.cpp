#include <cmath>

#include "cli/call.h"
#include "cli/outputs.h"
#include "cli/restore.h"
#include "data/image.h"
#include "data/image_grid.h"
#include "data/npy.h"
#include "metrics/image_quality.h"

namespace scoresde {
namespace {

/// Values from 0 to `most` as greys or colours.
Image map_picture(const Batch& row, const ItemShape& shape, double most) {
  return batch_to_images(2 * row / std::max(most, 1e-12) - 1, shape).front();
}

/// What was measured, as a picture where it has the form of one; a selection shows black where nothing is seen.
std::optional<Image> measured_picture(const Operator& op, const Batch& y, const ItemShape& shape) {
  const ItemShape form = op.measured_shape();
  if (form.image && form.channels != 2) {
    const double most = form == shape || form.height < shape.height || form.channels < shape.channels
                            ? 1
                            : std::max(1e-12, y.maxCoeff());
    return map_picture(y, form, most);
  }
  if (!shape.image || shape.channels == 2 || !op.linear()) return std::nullopt;
  const Batch back = op.adjoint(y.row(0).transpose().matrix()).transpose().array();
  return map_picture(back, shape, std::max(1.0, back.maxCoeff()));
}

/// The result at the size of the picture that was given: what was seen stays as it was.
Image at_full_size(const RestoreInputs& inputs, const Image& original, const Image& small) {
  Image full = resize(small, original.width, original.height);
  if (inputs.mask)
    for (int y = 0; y < full.height; ++y)
      for (int x = 0; x < full.width; ++x)
        if (inputs.mask->at(x, y, 0) > 127)
          for (int c = 0; c < full.channels; ++c) full.at(x, y, c) = original.at(x, y, c);
  return full;
}

Gallery write_pictures(const fs::path& folder, const RestoreInputs& inputs, const RestoreItem& item,
                       const Restoration& result, const ItemShape& shape, const Json& recipe) {
  const auto one = [&](const Batch& row) { return batch_to_images(row, shape).front(); };
  const PosteriorMaps& maps = result.maps;
  Gallery overview;
  const auto show = [&](const std::string& caption, const Image& image) {
    overview.pictures.push_back(image);
    overview.captions.push_back(caption);
  };
  const auto save = [&](const std::string& name, const Image& image) {
    write_png(folder / name, image, recipe_text(recipe, (fs::path(item.name) / name).string()));
  };
  if (auto measured = measured_picture(*inputs.op, item.y, shape)) {
    save("measured.png", *measured);
    show("measured", resize(*measured, shape.width, shape.height));
  }
  const auto write = [&](const std::string& name, const std::string& caption, const Image& image) {
    save(name, image);
    show(caption, image);
  };
  write("baseline.png", "baseline", one(result.baseline));
  if (result.total_variation.size() > 0) write("total_variation.png", "total variation", one(result.total_variation));
  write("mean.png", "mean", one(maps.mean));
  write("std.png", "deviation", map_picture(maps.std, shape, maps.std.maxCoeff()));
  save("low.png", one(maps.low));
  save("high.png", one(maps.high));
  const std::vector<Image> draws = batch_to_images(result.draws, shape);
  for (std::size_t k = 0; k < draws.size(); ++k) {
    save(fmt::format("sample_{:03}.png", k), draws[k]);
    if (k < 3) show(fmt::format("draw {}", k + 1), draws[k]);
  }
  if (item.truth.size() > 0) write("truth.png", "truth", one(item.truth));
  save("overview.png", grid(overview.pictures, static_cast<int>(overview.pictures.size())));
  if (!item.original) return overview;
  save("full_mean.png", at_full_size(inputs, *item.original, one(maps.mean)));
  for (std::size_t k = 0; k < draws.size(); ++k)
    save(fmt::format("full_{:03}.png", k), at_full_size(inputs, *item.original, draws[k]));
  return overview;
}

void write_arrays(const fs::path& folder, const RestoreInputs& inputs, const RestoreItem& item,
                  const Restoration& result) {
  const DataUnits& units = inputs.units;
  const auto data = [&](const Batch& rows) -> Batch {
    return (rows.rowwise() * units.scale.transpose()).rowwise() + units.shift.transpose();
  };
  write_npy(folder / "mean.npy", to_tensor(data(result.maps.mean)));
  write_npy(folder / "std.npy", to_tensor(result.maps.std.rowwise() * units.scale.abs().transpose()));
  Batch quantiles(2, result.maps.low.cols());
  quantiles << data(result.maps.low), data(result.maps.high);
  write_npy(folder / "quantiles.npy", to_tensor(quantiles));
  write_npy(folder / "samples.npy", to_tensor(data(result.draws)));
  write_npy(folder / "measured.npy", to_tensor(item.y));
}

Json quality(const Batch& row, const Batch& truth, const ItemShape& shape) {
  if (!shape.image) return {{"rmse", std::sqrt((row - truth).square().mean())}};
  return {{"psnr", psnr(row.min(1.0).max(-1.0), truth)[0]}, {"ssim", ssim(row.min(1.0).max(-1.0), truth, shape)[0]}};
}

}  // namespace

WrittenRestoration write_restoration(const fs::path& folder, const RestoreInputs& inputs, const RestoreItem& item,
                                     const Restoration& result, const ModelSpec& spec, const Json& recipe) {
  fs::create_directories(folder);
  WrittenRestoration written;
  Json& json = written.numbers;
  if (!item.name.empty()) json["item"] = item.name;
  json["chi_square"] = result.chi_square.mean();
  json["chi_square_expected"] = 1;
  json["chi_square_deviation"] = result.expected_deviation;
  if (item.truth.size() > 0) {
    json["mean"] = quality(result.maps.mean, item.truth, spec.shape);
    json["sample"] = quality(result.draws.topRows(1), item.truth, spec.shape);
    json["baseline"] = quality(result.baseline, item.truth, spec.shape);
    if (result.total_variation.size() > 0)
      json["total variation"] = quality(result.total_variation, item.truth, spec.shape);
    if (result.draws.rows() > 1) {
      json["coverage"] = coverage(result.maps, item.truth);
      json["coverage_expected"] = expected_coverage(result.draws.rows(), result.maps.level);
    }
  }
  write_arrays(folder, inputs, item, result);
  if (spec.shape.image && spec.shape.channels != 2)
    written.pictures = write_pictures(folder, inputs, item, result, spec.shape, recipe);
  Json page = json;
  page["recipe"] = recipe;
  write_atomically(folder / "result.json", page.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  return written;
}

}  // namespace scoresde
