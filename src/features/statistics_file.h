#pragma once
#include <optional>

#include "core/file.h"
#include "features/features.h"
#include "metrics/frechet.h"

namespace scoresde {

/// Mean and covariance of a data set's features, as they travel in files.
struct FeatureStatistics {
  Moments moments;
  std::optional<FeatureIdentity> identity;  ///< none: the file is of another program and does not say
  std::string data_digest;
};

/// Whether `path` is an .npz that holds statistics or features, not items.
bool is_statistics_file(const fs::path& path);

/// The layouts of the field: `mu, sigma` (pytorch-fid, clean-fid, EDM), `mu_s, sigma_s` (guided diffusion), features
/// `pool_3` (score_sde) or `feats` (clean-fid). Error{data} for anything that is not one, has another shape or is not
/// finite. The count is `n` where it is given, 50,000 where it is not: it says how exact the moments are, no more.
FeatureStatistics read_statistics(const fs::path& path);

/// `mu, sigma, n` and, as UTF-8 text in an array `scoresde`, who made them of what.
void write_statistics(const fs::path& path, const FeatureStatistics& statistics);

/// Error{data} unless the statistics are of `features`: of a file that does not say, only 2,048 numbers for inception
/// are believed.
void require_same_features(const FeatureStatistics& statistics, const FeatureIdentity& features, Index dimension,
                           const std::string& file);

/// SHA-256 over shape and values of all items.
std::string data_digest(const Dataset& data);

}  // namespace scoresde
