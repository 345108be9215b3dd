#include <cmath>

#include "core/catalog.h"
#include "core/error.h"
#include "net/preconditioning.h"
#include "net/song_modules.h"

// How a network reads the time label.
namespace scoresde {
namespace {

constexpr double positional_label_scale = 250, last_step = 999;

LabelKind label_kind(const NetConfig& config) {
  return find_entry("prediction", predictions(), config.prediction).label;
}

struct LogRange {
  double first, last;
};

LogRange log_range(const NetConfig& config) {
  if (!(config.sigma_min < config.sigma_max))
    fail(Failure::usage, "net.sigma_min = {} is not below net.sigma_max = {}", config.sigma_min, config.sigma_max);
  return {std::log(config.sigma_max), std::log(config.sigma_min)};
}

}  // namespace

int log_sigma_label(GraphBuilder& b, const NetConfig& config) {
  switch (label_kind(config)) {
    case LabelKind::log_snr:
      return b.label(4);
    case LabelKind::level: {
      const auto [first, last] = log_range(config);
      return b.label(last - first, first);
    }
    case LabelKind::sigma:
    case LabelKind::step:
      break;
  }
  return b.label(1, 0, true);
}

int position_label(GraphBuilder& b, const NetConfig& config) {
  switch (label_kind(config)) {
    case LabelKind::log_snr:
      return b.label(positional_label_scale);
    case LabelKind::level:
      return b.label(config.levels - 1);
    case LabelKind::sigma:
    case LabelKind::step:
      break;
  }
  return b.label();
}

int level_label(GraphBuilder& b, const NetConfig& config) {
  const double top = config.levels - 1;
  const auto [first, last] = log_range(config);
  const double slope = top / (last - first);
  switch (label_kind(config)) {
    case LabelKind::level:
      return b.label(top);
    case LabelKind::step:
      return b.label(-top / last_step, top);
    case LabelKind::log_snr:
      return b.label(4 * slope, -first * slope);
    case LabelKind::sigma:
      break;
  }
  return b.label(slope, -first * slope, true);
}

int divide_by_sigma(GraphBuilder& b, const NetConfig& config, int x) {
  if (label_kind(config) == LabelKind::step)
    fail(Failure::usage, "net.scale_by_sigma: the time label of prediction {} is a step number and does not tell sigma",
         config.prediction);
  return b.divide_exp(x, log_sigma_label(b, config));
}

}  // namespace scoresde
