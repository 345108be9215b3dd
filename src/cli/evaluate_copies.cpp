#include <algorithm>
#include <cmath>
#include <numeric>

#include "cli/call.h"
#include "cli/evaluate.h"
#include "data/image.h"
#include "data/image_grid.h"
#include "metrics/memorisation.h"
#include "report/table.h"

namespace scoresde {
namespace {

/// The samples nearest to the training set, each with its neighbour below.
void write_neighbours(const CLI::App& command, const fs::path& path, const Batch& samples, const Batch& training,
                      const NearestTwo& nearest, const ItemShape& shape) {
  constexpr Index columns = 16;
  std::vector<Index> order(nearest.index.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](Index i, Index j) { return nearest.first[i] < nearest.first[j]; });
  const Index count = std::min<Index>(columns, samples.rows());
  Batch rows(2 * count, samples.cols());
  for (Index k = 0; k < count; ++k) {
    const Index i = order[static_cast<std::size_t>(k)];
    rows.row(k) = samples.row(i);
    rows.row(count + k) = training.row(nearest.index[static_cast<std::size_t>(i)]);
  }
  write_png(path, grid(batch_to_images(rows, shape), static_cast<int>(count)), recipe_text(call_recipe(command)));
}

std::string percent_text(const MetricValue& v) {
  return fmt::format("{:.1f} ± {:.1f} %", 100 * v.value, 196 * v.error);
}

double median_of(Times values) {
  std::nth_element(values.data(), values.data() + values.size() / 2, values.data() + values.size());
  return values[values.size() / 2];
}

}  // namespace

void look_for_copies(const CLI::App& command, EvaluateFlags& flags, const CommonFlags& common) {
  if (!flags.neighbours.empty()) require_free(flags.neighbours, common.force);
  Subject subject(flags, common);
  const Dataset training = load_dataset(flags.training), held_out = load_dataset(flags.against);
  if (!(training.shape == subject.shape()) || !(held_out.shape == subject.shape()))
    fail(Failure::data, "{} has items of {}, {} of {} and {} of {}: they cannot be compared", flags.samples,
         to_text(subject.shape()), flags.training, to_text(training.shape), flags.against, to_text(held_out.shape));
  if (!flags.neighbours.empty() && !training.shape.image)
    fail(Failure::usage, "--neighbours shows pictures; {} is a table", flags.training);
  const std::size_t n = std::min({flags.n ? flags.n : std::size_t{1000}, held_out.count, subject.most()});
  const Batch samples = subject.items(&training)(0, n), fresh = chosen_rows(held_out, n, 0, training),
              known = chosen_rows(training, training.count, 0, training);
  const Memorisation found = memorisation(samples, fresh, known);
  if (!flags.neighbours.empty())
    write_neighbours(command, flags.neighbours, samples, known, found.samples, training.shape);
  const double near = median_of(found.samples.first), near_fresh = median_of(found.held_out.first);
  if (common.json)
    return print_json({{"n", n},
                       {"training", training.count},
                       {"median_distance", near},
                       {"median_distance_held_out", near_fresh},
                       {"nearer", found.nearer.value},
                       {"nearer_error", found.nearer.error},
                       {"nearer_p", found.nearer.p_value},
                       {"authentic", found.authentic.value},
                       {"authentic_held_out", found.authentic_held_out.value},
                       {"copies", found.copies.value},
                       {"copies_held_out", found.copies_held_out.value}});
  fmt::print("{}: nearest of {} in {}, beside held-out {}\n\n", counted(static_cast<long long>(n), "item"),
             counted(static_cast<long long>(training.count), "training item"), flags.training, flags.against);
  Table table{{"", "samples", "held-out data"}, {}};
  table.rows.push_back(
      {"median distance to the nearest", fmt::format("{:.3f}", near), fmt::format("{:.3f}", near_fresh)});
  table.rows.push_back({"nearer than held-out data", percent_text(found.nearer), "50 %"});
  table.rows.push_back({"authentic", percent_text(found.authentic), percent_text(found.authentic_held_out)});
  table.rows.push_back({"copies", percent_text(found.copies), percent_text(found.copies_held_out)});
  fmt::print(
      "{}\nNearer: how often a sample is nearer to the training set than a held-out item\n(p = {:.3g} for 50 %). "
      "Authentic: farther from its nearest training item than that\none is from its own. Copies: less than a third as "
      "far from the nearest as from\nthe second. ± is the half width of a 95 % confidence interval.\n",
      text_table(table), found.nearer.p_value);
}

}  // namespace scoresde
