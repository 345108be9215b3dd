#include "cli/guided.h"

#include "core/error.h"

namespace scoresde {
namespace {

GuidanceInterval interval_of(const GuidanceFlags& flags) {
  if (flags.interval.empty()) return {};
  const double low = flags.interval[0], high = flags.interval[1];
  if (!(low >= 0 && high > low))
    fail(Failure::usage, "--guidance-interval {},{} must be two levels of sigma/alpha, the lower one first", low, high);
  return {low, high};
}

void check_flags(const Model& model, const GuidanceFlags& flags) {
  const int classes = model.spec.net.classes;
  if (flags.class_label >= classes)
    fail(Failure::usage, "--class {}: the model knows {}", flags.class_label,
         classes == 0 ? "no classes" : fmt::format("classes 0 to {}", classes - 1));
  if (flags.weight != 1 && flags.class_label < 0 && flags.guide.empty())
    fail(Failure::usage, "--guidance needs a --class to guide towards, or a weaker model to --guide away from");
  if (!flags.interval.empty() && flags.weight == 1)
    fail(Failure::usage, "--guidance-interval says where --guidance acts, and 1 is none");
}

void require_same_shape(const Model& model, const Model& other, const std::string& path) {
  if (!(model.spec.shape == other.spec.shape))
    fail(Failure::usage, "{}: samples of {}, but the model's are of {}", path, to_text(other.spec.shape),
         to_text(model.spec.shape));
}

}  // namespace

ChosenScore::ChosenScore(const Model& model, const EngineChoice& engine, const GuidanceFlags& flags, int threads)
    : sde_(make_sde(model.spec.sde)) {
  check_flags(model, flags);
  const GuidanceInterval interval = interval_of(flags);
  const bool own_class = flags.class_label >= 0 && flags.class_label < model.spec.net.classes;
  conditional_ = load_score(engine, model, own_class ? flags.class_label : -1, threads);
  if (flags.weight == 1) return;
  if (flags.guide.empty()) {
    other_ = load_score(engine, model, -1, threads);
  } else {
    const Model weaker = read_model(flags.guide);
    require_same_shape(model, weaker, flags.guide);
    if (to_json(weaker.spec.sde) != to_json(model.spec.sde))
      fail(Failure::usage, "{}: --guide needs a model of the same SDE", flags.guide);
    other_ = load_score(engine, weaker, flags.class_label < weaker.spec.net.classes ? flags.class_label : -1, threads);
  }
  guided_ = std::make_unique<GuidedScore>(*conditional_, *other_, flags.weight, *sde_, interval);
}

}  // namespace scoresde
