#include "cli/draw.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cli/app.h"
#include "data/image.h"
#include "report/progress.h"
#include "sde/grid.h"

namespace scoresde {

ResolvedPlan resolve(const Sde& sde, const DrawPlan& plan) {
  SolverChoice choice(plan.solver, plan.options);
  if (choice.adaptive()) {
    if (plan.from.size() > 0) fail(Failure::usage, "--from needs a solver of fixed steps, not {}", choice.name());
    if (plan.nfe > 0)
      fail(Failure::usage, "{} chooses its own steps: --set its tolerance ({}), not --nfe", choice.name(),
           choice.predictor().reads);
    auto times = choice.times(sde, 1, plan.grid);
    return {std::move(choice), 1, 0, std::move(times)};
  }
  if (!plan.times.empty()) {
    const int steps = static_cast<int>(plan.times.size()) - 1;
    const int nfe = choice.evaluations(steps, plan.denoise);
    return {std::move(choice), steps, nfe, plan.times};
  }
  // A default need not be met exactly: the next possible number serves.
  const int steps = plan.nfe > 0 ? choice.steps_for(plan.nfe, plan.denoise)
                                 : choice.steps_for_at_least(choice.stochastic() ? 200 : 20, plan.denoise);
  auto times = choice.times(sde, steps, plan.grid);
  if (plan.from.size() > 0) {
    if (choice.reference())
      fail(Failure::usage, "--from does not go with compatibility = {}", plan.options.compatibility);
    const std::string_view grid = plan.grid.empty() ? choice.grid(sde) : plan.grid;
    times = make_grid(grid, sde, plan.start_time(sde, grid), sde.t_end(), steps);
  }
  const int nfe = choice.evaluations(steps, plan.denoise);
  return {std::move(choice), steps, nfe, std::move(times)};
}

double DrawPlan::start_time(const Sde& sde, std::string_view grid_name) const {
  constexpr int fine = 1000;
  const auto times = make_grid(grid_name, sde, sde.t_max(), sde.t_end(), fine);
  return times[static_cast<std::size_t>(std::lround((1 - strength) * (fine - 1)))];
}

namespace {

/// Noise at t_max, or what was given at the level where the run begins.
Batch first_state(const Sde& sde, const NoiseSource& noise, const DrawPlan& plan, double t) {
  const Batch prior = draw_prior(sde, noise) * plan.temperature;
  if (plan.from.size() == 0) return prior;
  const Marginal m = sde.marginal(t);
  return prior * (m.sigma / sde.prior_std()) + m.alpha * plan.from.replicate(prior.rows(), 1);
}

}  // namespace

DrawSummary draw(const Sde& sde, const Score& score, const DrawPlan& plan, bool quiet,
                 const std::function<void(const DrawnBatch&)>& each,
                 const std::function<void(const SamplingProgress&)>& path) {
  const ResolvedPlan resolved = resolve(sde, plan);
  DrawSummary summary{.steps = resolved.steps};
  summary.least_nfe = ~0u;
  Progress progress("sampling", static_cast<double>(plan.ids.size()), "samples",
                    {.mode = quiet ? ProgressMode::quiet : ProgressMode::automatic});
  double evaluations = 0, accepted = -1;
  for (std::size_t first = 0; first < plan.ids.size() && !interrupted();
       first += static_cast<std::size_t>(plan.batch)) {
    const auto ids =
        std::span(plan.ids).subspan(first, std::min(static_cast<std::size_t>(plan.batch), plan.ids.size() - first));
    const CounterNoise noise(plan.seed, {ids.begin(), ids.end()}, score.dimension());
    const auto solver = resolved.choice.make();
    const SampleOptions options{
        .denoise = plan.denoise, .progress = [&](const SamplingProgress& p) {
          progress.update(
              static_cast<double>(first) + std::floor(static_cast<double>(ids.size()) * p.step / std::max(1, p.steps)),
              fmt::format("step {}/{}", p.step, p.steps));
          if (path && first == 0) path(p);
        }};
    const Samples samples = sample({sde, score, noise}, *solver, first_state(sde, noise, plan, resolved.times.front()),
                                   resolved.times, options);
    for (const SampleFailure& failure : samples.failures)
      summary.failures.push_back(to_text(failure, ids[static_cast<std::size_t>(failure.row)]));
    for (std::uint32_t n : samples.evaluations) {
      evaluations += n;
      summary.least_nfe = std::min(summary.least_nfe, n);
      summary.most_nfe = std::max(summary.most_nfe, n);
    }
    if (samples.acceptance.size() > 0) accepted = std::max(accepted, 0.0) + samples.acceptance.sum();
    summary.seconds += samples.seconds;
    each({ids, samples});
  }
  summary.mean_nfe = evaluations / static_cast<double>(std::max<std::size_t>(1, plan.ids.size()));
  if (accepted >= 0) summary.acceptance = accepted / static_cast<double>(plan.ids.size());
  if (interrupted()) fail(Failure::run, "interrupted");
  return summary;
}

Json recipe(const std::string& model_hash, const Sde& sde, const DrawPlan& plan, const ResolvedPlan& resolved,
            int class_label, double guidance) {
  Json json = {{"scoresde", SCORESDE_VERSION},
               {"model", model_hash},
               {"solver", resolved.choice.name()},
               {"steps", resolved.steps},
               {"nfe", resolved.nfe},
               {"grid", plan.grid.empty() ? std::string(resolved.choice.grid(sde)) : plan.grid},
               {"seed", plan.seed},
               {"options", to_json(plan.options)},
               {"denoise", plan.denoise}};
  if (plan.from.size() > 0) json["strength"] = plan.strength;
  if (!plan.times.empty()) json["grid"] = "calibrated", json["times"] = plan.times;
  if (plan.temperature != 1) json["temperature"] = plan.temperature;
  if (class_label >= 0) json["class"] = class_label;
  if (guidance != 1) json["guidance"] = guidance;
  return json;
}

Batch row_of_picture(const std::string& path, const ModelSpec& spec) {
  if (!spec.shape.image) fail(Failure::usage, "--from is a picture; this model makes rows of a table");
  const Image image = read_image(path);
  const ItemShape shape{image.channels, image.height, image.width, true};
  if (!(shape == spec.shape))
    fail(Failure::data, "{}: a picture of {}, but the model is of {}", path, to_text(shape), to_text(spec.shape));
  return image_to_row(image);
}

DrawPlan plan_of_recipe(const Json& recipe, const std::string& where) {
  DrawPlan plan;
  const auto number = [&](const char* key, auto& value, double low, double high) {
    if (!recipe.contains(key)) return;
    if (!recipe[key].is_number() || !(recipe[key].get<double>() >= low && recipe[key].get<double>() <= high))
      fail(Failure::data, "{}: the recipe's {} is {}", where, key, shown(recipe[key]));
    value = recipe[key].get<std::remove_reference_t<decltype(value)>>();
  };
  try {
    plan.solver = recipe.at("solver").get<std::string>();
    update(plan.options, recipe.at("options"));
    plan.denoise = recipe.at("denoise").get<bool>();
    plan.grid = recipe.at("grid").get<std::string>();
    if (recipe.contains("times")) plan.times = recipe["times"].get<std::vector<double>>(), plan.grid.clear();
    number("nfe", plan.nfe, 0, 1'000'000);
    number("seed", plan.seed, 0, 9e15);
    number("temperature", plan.temperature, 0, 100);
    number("strength", plan.strength, 0, 1);
    if (recipe.contains("samples")) plan.ids = recipe["samples"].get<std::vector<std::uint64_t>>();
    if (recipe.contains("sample")) plan.ids = {recipe["sample"].get<std::uint64_t>()};
    if (SolverChoice(plan.solver, plan.options).adaptive()) plan.nfe = 0, plan.grid.clear();
  } catch (const Json::exception&) {
    fail(Failure::data, "{}: its recipe is not one of `scoresde sample`", where);
  } catch (const Error& error) {
    fail(Failure::data, "{}: its recipe: {}", where, error.what());
  }
  if (plan.ids.empty() || plan.ids.size() > 1'000'000 ||
      *std::max_element(plan.ids.begin(), plan.ids.end()) >= std::uint64_t{1} << 40)
    fail(Failure::data, "{}: its recipe does not say which samples it shows", where);
  return plan;
}

}  // namespace scoresde
