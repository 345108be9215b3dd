#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/model.h"
#include "sampler/sample.h"
#include "sampler/solver.h"

namespace scoresde {

/// Which samples to draw, and how.
struct DrawPlan {
  std::string solver = "dpm++2m";
  SolverOptions options;
  int nfe = 0;                     ///< 0: 20 for deterministic solvers, 200 for stochastic ones
  std::string grid;                ///< empty: the one the solver likes best
  std::vector<double> times = {};  ///< calibrated ones in place of a grid
  double temperature = 1;          ///< scales the prior's standard deviation
  std::uint64_t seed = 0;
  std::vector<std::uint64_t> ids;  ///< global sample ids
  int batch = 64;                  ///< samples carried together: memory and speed only, never a byte of a result
  bool denoise = true;
  Batch from;           ///< not empty: begins at this row with noise instead of at noise alone (SDEdit)
  double strength = 1;  ///< of `from`: the share of the way to noise that it goes, along the solver's time grid

  /// Where the run begins. The grid's name is that of times().
  double start_time(const Sde& sde, std::string_view grid_name) const;
};

/// The samples of one batch as they come.
struct DrawnBatch {
  std::span<const std::uint64_t> ids;
  const Samples& samples;
};

/// What all batches have in common, and what they cost.
struct DrawSummary {
  int steps = 0;
  double mean_nfe = 0;
  std::uint32_t least_nfe = 0, most_nfe = 0;
  double seconds = 0;
  double acceptance = -1;             ///< mean share of accepted proposals; -1 where the solver makes none
  std::vector<std::string> failures;  ///< a sentence each
};

/// Draws the plan's samples batch by batch. `each` gets a batch when it is done; `path` (may be empty) sees the states
/// of the first batch on their way. Sample k is the same bits whatever `batch` is.
DrawSummary draw(const Sde& sde, const Score& score, const DrawPlan& plan, bool quiet,
                 const std::function<void(const DrawnBatch&)>& each,
                 const std::function<void(const SamplingProgress&)>& path = {});

/// The picture to begin from. Error{data} where it is not of the model's form.
Batch row_of_picture(const std::string& path, const ModelSpec& spec);

/// Reverses recipe(): the plan that a picture's text describes. Error{data} names `where` and what is wrong; nothing of
/// the text is trusted.
DrawPlan plan_of_recipe(const Json& recipe, const std::string& where);

/// The plan's solver with its steps and times resolved for an SDE. Error{usage} where the NFE are not possible.
struct ResolvedPlan {
  SolverChoice choice;
  int steps, nfe;  ///< nfe is 0 for adaptive solvers
  std::vector<double> times;
};
ResolvedPlan resolve(const Sde& sde, const DrawPlan& plan);

/// Everything needed to draw sample `id` again, as JSON: for the PNG's text. model_hash: model_hash() of the model.
Json recipe(const std::string& model_hash, const Sde& sde, const DrawPlan& plan, const ResolvedPlan& resolved,
            int class_label, double guidance);

}  // namespace scoresde
