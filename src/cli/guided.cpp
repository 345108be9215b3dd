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
  if (!flags.classifier.empty() && !flags.guide.empty())
    fail(Failure::usage, "--classifier and --guide are two kinds of guidance; choose one");
  if (flags.classifier.empty() && flags.class_label >= classes)
    fail(Failure::usage, "--class {}: the model knows {}", flags.class_label,
         classes == 0 ? "no classes; --classifier RUN guides it to one" : fmt::format("classes 0 to {}", classes - 1));
  if (!flags.classifier.empty() && flags.class_label < 0)
    fail(Failure::usage, "--classifier needs a --class to guide towards");
  if (flags.weight != 1 && flags.class_label < 0 && flags.guide.empty())
    fail(Failure::usage, "--guidance needs a --class to guide towards, or a weaker model to --guide away from");
  if (!flags.interval.empty() && flags.weight == 1 && flags.classifier.empty())
    fail(Failure::usage, "--guidance-interval says where --guidance acts, and 1 is none");
}

void require_same_shape(const Model& model, const Model& other, const std::string& path) {
  if (!(model.spec.shape == other.spec.shape))
    fail(Failure::usage, "{}: samples of {}, but the model's are of {}", path, to_text(other.spec.shape),
         to_text(model.spec.shape));
}

/// grad log p(class | x_t) of a classifier that may have been trained along another SDE: at its own time of the same
/// sigma/alpha, for x at its own scale.
ClassifierGuidedScore::Gradient gradient_of(const Model& model, const GuidanceFlags& flags, const Sde& sde,
                                            int threads) {
  const Model read = read_model(flags.classifier);
  require_same_shape(model, read, flags.classifier);
  const auto classifier = std::make_shared<EngineClassifier>(read, threads);
  if (flags.class_label >= classifier->classes())
    fail(Failure::usage, "--class {}: the classifier knows classes 0 to {}", flags.class_label,
         classifier->classes() - 1);
  const std::shared_ptr<const Sde> own = make_sde(read.spec.sde);
  return [classifier, own, &sde, label = flags.class_label](const Batch& x, const Times& t) -> Batch {
    Times time(t.size()), scale(t.size());
    for (Index i = 0; i < t.size(); ++i) {
      time[i] = own->time_at(sde.log_snr(t[i]));
      scale[i] = own->marginal(time[i]).alpha / sde.marginal(t[i]).alpha;
    }
    const std::vector<int> classes(static_cast<std::size_t>(t.size()), label);
    return (*classifier)(x.colwise() * scale, time, classes).gradient.colwise() * scale;
  };
}

}  // namespace

ChosenScore::ChosenScore(Model& model, const EngineChoice& engine, const GuidanceFlags& flags, int threads)
    : sde_(make_sde(model.spec.sde)) {
  check_flags(model, flags);
  const GuidanceInterval interval = interval_of(flags);
  const bool own_class = flags.class_label >= 0 && flags.class_label < model.spec.net.classes;
  const int label = own_class && flags.classifier.empty() ? flags.class_label : -1;
  const bool twice = flags.weight != 1 && flags.classifier.empty() && flags.guide.empty();
  conditional_ =
      twice ? load_score(engine, model, label, threads) : load_score(engine, std::move(model), label, threads);
  if (!flags.classifier.empty()) {
    guided_ = std::make_unique<ClassifierGuidedScore>(*conditional_, gradient_of(model, flags, *sde_, threads),
                                                      flags.weight, *sde_, interval);
    return;
  }
  if (flags.weight == 1) return;
  if (flags.guide.empty()) {
    other_ = load_score(engine, std::move(model), -1, threads);
  } else {
    Model weaker = read_model(flags.guide);
    require_same_shape(model, weaker, flags.guide);
    if (to_json(weaker.spec.sde) != to_json(model.spec.sde))
      fail(Failure::usage, "{}: --guide needs a model of the same SDE", flags.guide);
    EngineChoice its = engine;
    its.tuning = read_tuning(model_file(flags.guide));
    other_ = load_score(its, std::move(weaker), flags.class_label < weaker.spec.net.classes ? flags.class_label : -1,
                        threads);
  }
  guided_ = std::make_unique<GuidedScore>(*conditional_, *other_, flags.weight, *sde_, interval);
}

}  // namespace scoresde
