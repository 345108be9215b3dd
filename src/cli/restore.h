#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/app.h"
#include "cli/model_score.h"
#include "core/image.h"
#include "inverse/measurement.h"
#include "inverse/method.h"
#include "inverse/uncertainty.h"
#include "report/html.h"

namespace scoresde {

struct RestoreFlags {
  std::string run, input, out, operator_name, method = "auto", mask, matrix, maps;
  EngineChoice engine;
  MeasurementNoise noise;
  OperatorOptions operator_options;
  MethodOptions method_options;
  std::vector<std::string> settings;
  double level = 0.9;
  int nfe = 0, samples = 8, batch = 16, class_label = -1;
  long long seed = 0;
  bool simulate = false;
};

/// One thing to restore.
struct RestoreItem {
  std::string name;               ///< of its folder where there are several; "" where it is the only one
  std::uint64_t id = 0;           ///< of its noise
  Batch truth;                    ///< a row in model units where it is known (--simulate), or empty
  Batch y;                        ///< a row of measured values in the units of the data
  std::optional<Image> original;  ///< a picture that was resized for the model, at its own size
};

/// The input of a restoration as read: the operator, and what was measured or is to be degraded.
struct RestoreInputs {
  std::shared_ptr<const Operator> op;  ///< in the units of the data
  DataUnits units;
  std::vector<RestoreItem> items;
  std::vector<std::string> notes;  ///< what was converted, for a person to read
  std::optional<Image> mask;       ///< at the size of the original
};

/// Error{usage} and Error{data} with a sentence each; nothing is converted silently.
RestoreInputs read_restore_inputs(const RestoreFlags& flags, const ModelSpec& spec);

/// What came out for an item.
struct Restoration {
  Batch draws;  ///< rows in model units
  PosteriorMaps maps;
  Batch baseline;         ///< a row in model units
  Batch total_variation;  ///< the same, of pictures whose truth is known: by the weight that comes nearest to it
  Times chi_square;       ///< of every draw
  double expected_deviation = 0;  ///< of chi_square where the measurement is explained
};

/// An item's numbers as they are printed and written to result.json, and its pictures for the page.
struct WrittenRestoration {
  Json numbers;
  Gallery pictures;
};

/// Writes the files of an item.
WrittenRestoration write_restoration(const fs::path& folder, const RestoreInputs& inputs, const RestoreItem& item,
                                     const Restoration& result, const ModelSpec& spec, const Json& recipe);

/// An item's residual and, where the truth is known, its errors, for a person. sigma: of the measured values as the
/// methods saw them.
void print_restoration(const RestoreItem& item, const Restoration& result, const Json& numbers, double sigma);

/// The numbers of a restoration as a table: of one item, or means over several with their standard errors.
Table quality_table(const Json& numbers);

/// Means over items with their standard errors; null of fewer than two.
Json restoration_summary(const std::vector<Json>& items);
void print_restoration_summary(const Json& summary, std::size_t items);

/// report.html: what was asked, the numbers, and per item what was measured, the baseline, the draws and the truth.
void write_restoration_page(const fs::path& file, const Json& recipe, const std::vector<RestoreItem>& items,
                            const std::vector<WrittenRestoration>& results, const Json& summary);

}  // namespace scoresde
