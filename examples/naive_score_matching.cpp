// Score matching at a single noise level fails where there is no data, and Langevin dynamics along it forgets how much
// weight each mode has; noise levels from coarse to fine repair both (Song & Ermon 2019, section 3). Trains the two
// models on 0.8 N(a, 0.3^2 I) + 0.2 N(b, 0.3^2 I), whose score is known, and writes numbers and a picture:
//
//   naive_score_matching RUNS PICTURE.svg

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <functional>

#include "core/error.h"
#include "core/noise.h"
#include "core/sum.h"
#include "data/dataset.h"
#include "data/npy.h"
#include "nn/network_score.h"
#include "nn/threads.h"
#include "report/svg.h"
#include "report/table.h"
#include "score/analytic.h"
#include "train/trainer.h"

using namespace scoresde;

namespace {

constexpr double mode_a[] = {-2.5, -1.5}, mode_b[] = {2.5, 1.5}, mode_std = 0.3, weight_a = 0.8;
constexpr double low_noise = 0.05, high_noise = 5;  // in model units, where the data have unit variance
constexpr int items = 20000, chains = 2000, langevin_steps = 2000, levels = 20;

Batch mixture_points() {
  Batch x(items, 2);
  for (Index i = 0; i < items; ++i) {
    const auto sample = static_cast<std::uint64_t>(i);
    const double* mode = uniform({.purpose = Purpose::toy, .sample = sample}) < weight_a ? mode_a : mode_b;
    double z[2];
    fill_normal({.purpose = Purpose::toy, .sample = sample, .draw = 1}, z);
    for (int k = 0; k < 2; ++k) x(i, k) = mode[k] + mode_std * z[k];
  }
  return x;
}

// The law in model units, in which the columns are standardised.
MixtureScore true_score(const Sde& sde, const Dataset& data) {
  std::vector<MixtureComponent> components;
  for (const double* mode : {mode_a, mode_b}) {
    Eigen::ArrayXd mean(2);
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(2, 2);
    for (int k = 0; k < 2; ++k) {
      const auto column = static_cast<std::size_t>(k);
      mean[k] = (mode[k] - data.column_mean[column]) / data.column_std[column];
      covariance(k, k) = std::pow(mode_std / data.column_std[column], 2);
    }
    components.push_back({mode == mode_a ? weight_a : 1 - weight_a, Gaussian(mean, covariance)});
  }
  return MixtureScore(sde, std::move(components));
}

Model trained(const fs::path& folder, const std::string& name, const std::function<void(RunConfig&)>& change) {
  RunConfig config;
  config.data.source = (folder / "mixture.npy").string();
  config.sde.name = "edm";
  config.net.name = "mlp";
  config.net.channels = 128;
  config.batch = 512;
  config.optimizer.lr = 2e-3;
  config.optimizer.decay = 0.5;
  config.objective.time_sampling = "log-snr";
  config.objective.weighting = "sigma2";
  config.budget.images = 512 * 3000;
  config.log.samples_every = 0;
  change(config);
  TrainOptions options;
  options.out = folder / name;
  options.force = true;
  options.on_message = [&](const std::string& text) { fmt::print(stderr, "{}: {}\n", name, text); };
  return read_model(train_run(config, options).model);
}

// Unadjusted Langevin dynamics, the same number of steps at each of the given noise levels.
Batch langevin(const Score& score, const std::vector<double>& noise_levels) {
  std::vector<std::uint64_t> ids(chains);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
  const CounterNoise noise(7, ids, 2);
  Batch x = noise_levels.front() * noise.normal(Purpose::prior, {0, 0, 0});
  if (noise_levels.size() == 1) x = noise.normal(Purpose::prior, {0, 0, 0}) * 1.5;  // across both modes
  std::uint32_t step = 0;
  for (const double level : noise_levels) {
    // The law's finest structure at this level is its modes, 0.1 wide in model units, blurred by the level.
    const double h = 0.2 * (level * level + 0.01);
    for (int k = 0; k < langevin_steps / static_cast<int>(noise_levels.size()); ++k, ++step)
      x += h * score(x, times_of(chains, level)) + std::sqrt(2 * h) * noise.normal(Purpose::corrector, {0, 0, step});
  }
  return x;
}

std::vector<double> geometric_levels() {
  std::vector<double> result;
  for (int k = 0; k < levels; ++k) result.push_back(high_noise * std::pow(low_noise / high_noise, k / (levels - 1.0)));
  return result;
}

struct Weights {
  double a = 0, b = 0, elsewhere = 0;  // shares of samples within 5 deviations of a mode
};

Weights weights_of(const Batch& x, const Dataset& data) {
  Weights w;
  for (Index i = 0; i < x.rows(); ++i) {
    double distance[2] = {0, 0};
    for (int k = 0; k < 2; ++k)
      for (const std::size_t mode : {0, 1}) {
        const auto column = static_cast<std::size_t>(k);
        const double value = x(i, k) * data.column_std[column] + data.column_mean[column];
        distance[mode] += std::pow(value - (mode == 0 ? mode_a : mode_b)[k], 2);
      }
    const double reach = std::pow(5 * std::hypot(mode_std, low_noise * data.column_std[0]), 2);
    (distance[0] < reach ? w.a : distance[1] < reach ? w.b : w.elsewhere) += 1.0 / static_cast<double>(x.rows());
  }
  return w;
}

/// Points of a grid over [-2.6, 2.6]^2 in model units and what is known there.
struct Grid {
  Batch x;
  Batch exact;
  Times log_density;
};

Grid grid_of(const Score& truth, int side) {
  Grid grid{Batch(side * side, 2), {}, {}};
  for (int i = 0; i < side; ++i)
    for (int j = 0; j < side; ++j) grid.x.row(i * side + j) << -2.6 + 5.2 * i / (side - 1), -2.6 + 5.2 * j / (side - 1);
  grid.exact = truth(grid.x, times_of(grid.x.rows(), low_noise));
  grid.log_density = truth.log_density(grid.x, times_of(grid.x.rows(), low_noise));
  return grid;
}

// Mean of |learned - exact| / |exact| over the grid points whose density is in a range.
double field_error(const Grid& grid, const Batch& learned, double low, double high) {
  double total = 0, count = 0;
  for (Index i = 0; i < grid.x.rows(); ++i) {
    if (!(grid.log_density[i] >= low && grid.log_density[i] < high)) continue;
    total += std::sqrt((learned.row(i) - grid.exact.row(i)).square().sum() / grid.exact.row(i).square().sum());
    count += 1;
  }
  return total / count;
}

/// One square of the picture.
class Panel {
 public:
  Panel(double left, std::string_view title) : left_(left) {
    svg_ = svg_text(left + size / 2, 18, "middle", title);
    svg_ += fmt::format("<rect x='{:.0f}' y='{}' width='{}' height='{}' fill='none' stroke='#888'/>\n", left, top, size,
                        size);
  }

  // Arrows of the field, all of one length: direction is what is compared. Red where it is off by more than 45 degrees.
  void arrows(const Grid& grid, const Batch& field) {
    for (Index i = 0; i < grid.x.rows(); ++i) {
      const double length = std::sqrt(field.row(i).square().sum());
      const double cosine =
          (field.row(i) * grid.exact.row(i)).sum() / (length * std::sqrt(grid.exact.row(i).square().sum()));
      const double dx = 7 * field(i, 0) / length, dy = -7 * field(i, 1) / length;
      const double x = at_x(grid.x(i, 0)), y = at_y(grid.x(i, 1));
      svg_ += fmt::format(
          "<path d='M{:.1f} {:.1f}L{:.1f} {:.1f}' stroke='{}' stroke-width='1.2'/>"
          "<circle cx='{:.1f}' cy='{:.1f}' r='1.8' fill='{}'/>\n",
          x - dx, y - dy, x + dx, y + dy, cosine < std::sqrt(0.5) ? "#c0281b" : "#0b6bb5", x + dx, y + dy,
          cosine < std::sqrt(0.5) ? "#c0281b" : "#0b6bb5");
    }
  }

  void points(const Batch& x) {
    for (Index i = 0; i < x.rows(); ++i)
      if (std::abs(x(i, 0)) < 2.6 && std::abs(x(i, 1)) < 2.6)
        svg_ += fmt::format("<circle cx='{:.1f}' cy='{:.1f}' r='1.3' fill='#0b6bb5' fill-opacity='0.35'/>\n",
                            at_x(x(i, 0)), at_y(x(i, 1)));
  }

  void caption(std::string_view text) { svg_ += svg_text(left_ + size / 2, top + size + 18, "middle", text); }

  const std::string& svg() const { return svg_; }
  static constexpr double size = 250, top = 28;

 private:
  double at_x(double x) const { return left_ + size * (x + 2.6) / 5.2; }
  double at_y(double y) const { return top + size * (2.6 - y) / 5.2; }
  double left_;
  std::string svg_;
};

std::string shares(const Weights& w) {
  return fmt::format("{:.2f} : {:.2f}{}", w.a, w.b,
                     w.elsewhere > 0.005 ? fmt::format(", {:.2f} elsewhere", w.elsewhere) : "");
}

void run(const fs::path& folder, const fs::path& picture) {
  set_threads(threads());
  fs::create_directories(folder);
  write_npy(folder / "mixture.npy", to_tensor(mixture_points()));
  const Dataset data = load_dataset((folder / "mixture.npy").string());
  const Model naive_model = trained(folder, "naive", [](RunConfig& config) {
    config.objective.name = "ism";
    config.objective.time_sampling = "fixed";
    config.objective.time = low_noise;
  });
  const Model annealed_model = trained(folder, "annealed", [](RunConfig&) {});
  const NetworkScore naive(naive_model), annealed(annealed_model);
  const MixtureScore truth = true_score(naive.sde(), data);

  const Grid fine = grid_of(truth, 61), coarse = grid_of(truth, 17);
  const double peak = fine.log_density.maxCoeff();
  Table fields{{"relative error of the score at the lowest noise", "naive", "annealed"}, {}};
  struct {
    const char* name;
    double low, high;
  } const regions[] = {
      {"density within e^-4 of the peak", -4, 1}, {"e^-4 to e^-20", -20, -4}, {"below e^-20", -1e9, -20}};
  const auto field_of = [](const Score& score, const Grid& grid) {
    return score(grid.x, times_of(grid.x.rows(), low_noise));
  };
  const Batch naive_field = field_of(naive, fine), annealed_field = field_of(annealed, fine);
  for (const auto& r : regions)
    fields.rows.push_back({r.name, fmt::format("{:.2f}", field_error(fine, naive_field, peak + r.low, peak + r.high)),
                           fmt::format("{:.2f}", field_error(fine, annealed_field, peak + r.low, peak + r.high))});

  const Batch naive_samples = langevin(naive, {low_noise}), annealed_samples = langevin(annealed, geometric_levels());
  const Weights naive_weights = weights_of(naive_samples, data), annealed_weights = weights_of(annealed_samples, data);
  Table mixing{{"samples of Langevin dynamics", "weights of the modes"}, {}};
  mixing.rows = {{"truth", "0.80 : 0.20"},
                 {"naive model, one noise level", shares(naive_weights)},
                 {"exact score, one noise level", shares(weights_of(langevin(truth, {low_noise}), data))},
                 {"annealed model, 20 noise levels", shares(annealed_weights)},
                 {"exact score, 20 noise levels", shares(weights_of(langevin(truth, geometric_levels()), data))}};
  fmt::print("{}\n{}", markdown_table(fields), markdown_table(mixing));

  std::vector<Panel> panels;
  for (const char* title : {"exact score", "learned at one noise level", "its Langevin samples", "annealed Langevin"})
    panels.emplace_back(10 + (Panel::size + 14) * static_cast<double>(panels.size()), title);
  panels[0].arrows(coarse, coarse.exact);
  panels[0].caption("true weights 0.80 : 0.20");
  panels[1].arrows(coarse, field_of(naive, coarse));
  panels[1].caption("red: off by more than 45 degrees");
  panels[2].points(naive_samples);
  panels[2].caption("weights " + shares(naive_weights));
  panels[3].points(annealed_samples);
  panels[3].caption("weights " + shares(annealed_weights));
  std::string svg = svg_open(20 + 4 * (Panel::size + 14), Panel::top + Panel::size + 30,
                             "Naive score matching against annealed noise levels");
  svg += "<rect width='100%' height='100%' fill='white'/>\n<g fill='#222'>\n";
  for (const Panel& panel : panels) svg += panel.svg();
  write_atomically(picture, svg + "</g>\n</svg>\n");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    fmt::print(stderr, "usage: naive_score_matching RUNS PICTURE.svg\n");
    return 2;
  }
  try {
    run(arguments[1], arguments[2]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "naive_score_matching: {}\n", error.what());
    return 1;
  }
}
