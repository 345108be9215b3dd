#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/app.h"
#include "cli/evaluate.h"
#include "metrics/frechet.h"
#include "report/html.h"
#include "report/progress.h"

namespace scoresde {

struct CompareFlags {
  std::vector<std::string> runs;
  std::string table = "predictors-correctors", against, test, features = "random", markdown, html;
  std::string budgets = "5,8,10,20,50";
  std::vector<double> snr;
  int steps = 100;
  std::size_t n = 1000, items = 100;
  long long seed = 0;
};

/// A Frechet distance by leaving each group out in turn, the last without leaving any: two of them against the same
/// reference can be subtracted group by group, so that what they share cancels.
struct Distance {
  Times values;
  double nfe = 0, seconds = 0;  ///< a sample
};
MetricValue estimate_of(const Distance& distance);
MetricValue difference_of(const Distance& a, const Distance& b);

/// "3.21 ± 0.10"; what a Markdown table and a terminal can both bear.
std::string distance_text(const Distance& distance);

/// A sentence of the paper, and whether it holds here: "yes", "no" or "undecided".
struct Conclusion {
  std::string claim, where, measured, holds;
};

/// Of a difference that the sentence says is positive: undecided where its 95 % interval has both signs.
std::string verdict_on(const MetricValue& difference);

/// What one experiment gives.
struct Experiment {
  std::vector<ReportTable> tables;
  std::vector<ReportPlot> plots;
  std::vector<Conclusion> conclusions;
};

/// One of the runs that are compared.
struct ComparedRun {
  std::string path, label;  ///< label: the SDE's name, with the path where two are of one kind
  Model model;
  std::unique_ptr<Sde> sde;
  std::unique_ptr<Score> score;
};

/// The models, and the real data in the space in which samples are compared with them.
class ComparedModels {
 public:
  ComparedModels(const CompareFlags& flags, const CommonFlags& common);

  std::span<const ComparedRun> runs() const { return runs_; }
  const CompareFlags& flags() const { return flags_; }
  const CommonFlags& common() const { return common_; }
  std::size_t n() const { return n_; }
  const Dataset& real() const { return real_; }

  /// Frechet distance of n samples (fewer where `n` is given) drawn by the plan's solver, options and nfe. All plans
  /// use the same noise.
  Distance distance(const ComparedRun& run, DrawPlan plan, std::size_t n = 0);
  /// That of n other real items.
  Distance floor() const;

  std::string features_label() const { return "FD[" + features_.identity.name + "]"; }
  void tell(const std::string& what) { progress_.update(++told_, what); }

 private:
  const CompareFlags& flags_;
  const CommonFlags& common_;
  Dataset real_;
  std::size_t n_;
  std::vector<ComparedRun> runs_;
  Features features_;
  std::unique_ptr<GroupedMoments> reference_, other_;
  Progress progress_;
  double told_ = 0;
};

/// A row of the table of experiments.
struct ExperimentEntry {
  std::string_view name, summary;
  Experiment (*run)(ComparedModels&);
};
std::span<const ExperimentEntry> experiments();

}  // namespace scoresde
