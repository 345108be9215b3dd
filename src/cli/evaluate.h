#pragma once
#include <memory>
#include <string>

#include "cli/app.h"
#include "cli/draw.h"
#include "cli/gather.h"
#include "data/dataset.h"

namespace scoresde {

struct EvaluateFlags {
  std::string samples, against, classifier, metrics, features, statistics, work, training, neighbours;
  std::size_t n = 0;  ///< 0: 1,000, or all items for statistics
  long long seed = 0;
  bool budget_alone = false;  ///< --nfe and nothing else of how to draw: what `calibrate` stored serves
  DrawPlan plan;
};

/// Whether `path` is a run or a model file: then samples are drawn; anything else is read as data.
bool is_model(const fs::path& path);

/// A run's samples or a file's items by number, as `against` has its own: pictures rounded to 8 bits as a file would
/// have them, tables in `against`'s standard deviations.
class Subject {
 public:
  Subject(const EvaluateFlags& flags, const CommonFlags& common);
  ~Subject();

  const ItemShape& shape() const;
  std::size_t most() const;  ///< how many there are
  Json identity() const;     ///< of what is drawn, for a work folder

  /// Items of the subject, standardised as `like` where they are rows of a table; null: as they are.
  ItemSource items(const Dataset* like);

 private:
  struct Drawn;
  std::unique_ptr<Drawn> drawn_;
  Dataset data_;
};

/// Rows of a data set at random numbers (files may be sorted), the part-th choice of n: parts are disjoint. Pictures in
/// [-1, 1], tables in standard deviations of `like`.
Batch chosen_rows(const Dataset& data, std::size_t n, std::size_t part, const Dataset& like);

/// A model's samples as they are compared: pictures rounded to 8 bits, tables in standard deviations of `like`
/// (null: as they are).
Batch as_compared(const Batch& samples, const ModelSpec& spec, const Dataset* like);

/// The metrics of `metrics/` between samples and real data, each beside its value for real data against real data.
void compare_with_data(EvaluateFlags& flags, const CommonFlags& common);

/// Mean and covariance of the features of the samples, as a file.
void save_statistics(EvaluateFlags& flags, const CommonFlags& common);

/// What a classifier says of the samples and of the data.
void judge_samples(EvaluateFlags& flags, const CommonFlags& common);

/// Whether the samples repeat flags.training, beside flags.against as held-out data.
void look_for_copies(const CLI::App& command, EvaluateFlags& flags, const CommonFlags& common);

/// "0.1234 ± 0.0100", the half width of a 95 % confidence interval behind the value.
std::string interval_text(double value, double error);

}  // namespace scoresde
