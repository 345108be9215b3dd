#include "features/statistics_file.h"

#include <algorithm>
#include <cmath>

#include "core/digest.h"
#include "core/zip.h"
#include "data/formats.h"
#include "data/npy.h"

namespace scoresde {
namespace {

const Tensor* array_named(const NamedArrays& arrays, std::string_view name) {
  for (const auto& [key, tensor] : arrays)
    if (key == name) return &tensor;
  return nullptr;
}

// Full precision: to_batch() is for samples.
Eigen::MatrixXd matrix_of(const Tensor& array, const std::string& where) {
  const auto rows = static_cast<Index>(array.shape.empty() ? 1 : array.shape[0]);
  if (array.shape.size() > 2 || rows < 1)
    fail(Failure::data, "{}: a list or matrix of numbers was expected, not {}", where, shape_text(array.shape));
  Eigen::MatrixXd result(rows, static_cast<Index>(array.size()) / rows);
  for (Index i = 0; i < result.rows(); ++i)
    for (Index j = 0; j < result.cols(); ++j)
      result(i, j) = number_at(array, static_cast<std::size_t>(i * result.cols() + j), where);
  if (!result.array().isFinite().all()) fail(Failure::data, "{}: not all numbers are finite", where);
  return result;
}

Moments moments_of(const NamedArrays& arrays, const std::string& where) {
  for (const char* features : {"pool_3", "feats"})
    if (const Tensor* array = array_named(arrays, features)) {
      const Eigen::MatrixXd rows = matrix_of(*array, where + ":" + features);
      if (array->shape.size() != 2 || rows.rows() < 2)
        fail(Failure::data, "{}:{}: at least 2 rows of features are needed", where, features);
      Moments moments(rows.cols());
      moments.add(Batch(rows.array()));
      return moments;
    }
  for (const auto& [mean_name, covariance_name] : {std::pair("mu", "sigma"), std::pair("mu_s", "sigma_s")}) {
    const Tensor *mean = array_named(arrays, mean_name), *covariance = array_named(arrays, covariance_name);
    if (!mean || !covariance) continue;
    Eigen::MatrixXd mu = matrix_of(*mean, where + ":" + mean_name);
    const Eigen::MatrixXd sigma = matrix_of(*covariance, where + ":" + covariance_name);
    mu.resize(mu.size(), 1);
    const double size = std::max(sigma.cwiseAbs().maxCoeff(), 1e-300);
    if (sigma.rows() != mu.rows() || sigma.cols() != mu.rows() ||
        !((sigma - sigma.transpose()).cwiseAbs().maxCoeff() < 1e-4 * size) ||
        sigma.diagonal().minCoeff() < -1e-6 * size)
      fail(Failure::data, "{}: {} of {} x {} is no covariance of {} features", where, covariance_name, sigma.rows(),
           sigma.cols(), mu.rows());
    const Tensor* count = array_named(arrays, "n");
    const double n = count && count->size() == 1 ? number_at(*count, 0, where) : 50000;
    if (!(n >= 2 && n < 1e12)) fail(Failure::data, "{}: n = {} is no number of items", where, n);
    return {static_cast<Index>(n), mu.col(0), sigma};
  }
  fail(Failure::data, "{}: neither mu and sigma, mu_s and sigma_s, pool_3 nor feats", where);
}

Tensor text_array(const std::string& text) {
  return {Dtype::u8, {static_cast<std::int64_t>(text.size())}, {text.begin(), text.end()}};
}

}  // namespace

bool is_statistics_file(const fs::path& path) {
  if (path.extension() != ".npz" || !fs::is_regular_file(path)) return false;
  const auto records = zip_records(read_bytes(path), path.string());
  return std::any_of(records.begin(), records.end(), [](const ZipRecord& record) {
    return record.name == "sigma.npy" || record.name == "sigma_s.npy" || record.name == "pool_3.npy" ||
           record.name == "feats.npy";
  });
}

FeatureStatistics read_statistics(const fs::path& path) {
  const NamedArrays arrays = read_npz(path);
  FeatureStatistics result{moments_of(arrays, path.string()), {}, {}};
  const Tensor* ours = array_named(arrays, "scoresde");
  if (!ours) return result;
  const Json json = parse_json(std::string_view(reinterpret_cast<const char*>(ours->bytes.data()), ours->bytes.size()));
  if (!json.is_object() || !json.contains("features") || !json.contains("data"))
    fail(Failure::data, "{}: the array scoresde does not say which features these are", path.string());
  result.identity.emplace();
  try {
    update(*result.identity, json["features"]);
    result.data_digest = json["data"].is_string() ? json["data"].get<std::string>() : "";
  } catch (const Error& error) {
    fail(Failure::data, "{}: the array scoresde: {}", path.string(), error.what());
  }
  return result;
}

void write_statistics(const fs::path& path, const FeatureStatistics& statistics) {
  const Moments& moments = statistics.moments;
  const auto d = static_cast<std::int64_t>(moments.dimension());
  const Batch covariance = moments.covariance().array();
  const std::int64_t count = moments.count();
  NamedArrays arrays = {{"mu", Tensor::of({d}, std::span(moments.mean().data(), static_cast<std::size_t>(d)))},
                        {"sigma", Tensor::of({d, d}, std::span(covariance.data(), static_cast<std::size_t>(d * d)))},
                        {"n", Tensor::of({}, std::span(&count, 1))}};
  if (statistics.identity)
    arrays.emplace_back("scoresde", text_array(shown({{"version", SCORESDE_VERSION},
                                                      {"features", to_json(*statistics.identity)},
                                                      {"data", statistics.data_digest}})));
  write_npz(path, arrays);
}

void require_same_features(const FeatureStatistics& statistics, const FeatureIdentity& features, Index dimension,
                           const std::string& file) {
  if (statistics.moments.dimension() != dimension)
    fail(Failure::data, "{}: statistics of {} features, and {} has {}", file, statistics.moments.dimension(),
         features.name, dimension);
  if (!statistics.identity) {
    if (features.name == "inception" && dimension == 2048) return;
    fail(Failure::data, "{}: the file does not say which features it is of; only inception's 2048 are taken on trust",
         file);
  }
  if (*statistics.identity == features) return;
  const auto text = [](const FeatureIdentity& f) {
    return fmt::format("{} ({}, resized: {})", f.name, f.digest.substr(0, 12), f.resize);
  };
  fail(Failure::data, "{}: statistics of {} cannot be compared with features {}", file, text(*statistics.identity),
       text(features));
}

std::string data_digest(const Dataset& data) {
  Digest digest;
  digest.add(to_text(data.shape));
  digest.add(data.pixels);
  digest.add(std::span(reinterpret_cast<const std::uint8_t*>(data.values.data()), data.values.size() * sizeof(float)));
  return digest.hex();
}

}  // namespace scoresde
