
#include "cli/app.h"
#include "cli/call.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/image_grid.h"
#include "data/statistics.h"
#include "report/table.h"

namespace scoresde {
namespace {

struct DataFlags {
  std::string data, out;
  int resize = 0;
  std::size_t most = 0;
};

Json statistics_json(const Dataset& data, const Statistics& s) {
  Json json = {{"data", data.name},
               {"count", data.count},
               {"shape", to_json(data.shape)},
               {"mean", s.mean},
               {"std", s.std},
               {"low", s.low},
               {"high", s.high},
               {"largest_distance", s.largest_distance},
               {"distance_items", s.distance_items},
               {"distance_is_estimate", s.distance_is_estimate}};
  for (std::size_t k = 0; k < s.class_counts.size(); ++k) json["classes"][data.class_names[k]] = s.class_counts[k];
  return json;
}

void show_data(const CLI::App& command, const DataFlags& flags, const CommonFlags& common) {
  if (!flags.out.empty()) require_free(flags.out, common.force);
  const Dataset data = load_dataset(flags.data, {.resize = flags.resize, .most = flags.most});
  const Statistics s = measure(data);
  if (!flags.out.empty()) write_png(flags.out, dataset_grid(data), recipe_text(call_recipe(command)));
  if (common.json) return print_json(statistics_json(data, s));
  fmt::print("{}\n", data.name);
  fmt::print("  items      {} of {}\n", grouped(static_cast<long long>(data.count)), to_text(data.shape));
  fmt::print("  values     {:.4g} to {:.4g}, mean {:.4f}, standard deviation {:.4f} (in model units)\n", s.low, s.high,
             s.mean, s.std);
  fmt::print("  spread     {:.2f} between the farthest two items{}: the default sigma_max of ve\n", s.largest_distance,
             s.distance_is_estimate
                 ? fmt::format(" (estimated on {})", grouped(static_cast<long long>(s.distance_items)))
                 : "");
  if (!s.class_counts.empty()) {
    Table table{{"class", "items", "share"}, {}};
    for (std::size_t k = 0; k < s.class_counts.size(); ++k)
      table.rows.push_back(
          {data.class_names[k], grouped(static_cast<long long>(s.class_counts[k])),
           fmt::format("{:.1f} %", 100.0 * static_cast<double>(s.class_counts[k]) / static_cast<double>(data.count))});
    fmt::print("\n{}", text_table(table));
  }
  if (!flags.out.empty()) fmt::print("\npicture grid: {}\n", flags.out);
}

}  // namespace

void add_data(CLI::App& app, CommonFlags& common) {
  static DataFlags flags;
  CLI::App* command =
      add_command(app, common, "data", "Inspect a data set: counts, shape, classes, range, largest distance.",
                  "scoresde data fashion-mnist --out grid.png");
  command
      ->add_option("data", flags.data,
                   "a named set (see `scoresde list data`) or a path; #train or #test picks a split")
      ->required();
  command->add_option("--out", flags.out, "write a picture of the first items here: a .png")->check(ends_in(".png"));
  command->add_option("--resize", flags.resize, "images: crop to a square and resize to this many pixels")
      ->check(within(1, 65536));
  command->add_option("--most", flags.most, "read at most this many items")->check(within(1, 1e12));
  command->add_flag("--force", common.force, "overwrite an existing picture");
  command->callback([command, &common] { show_data(*command, flags, common); });
}

}  // namespace scoresde
