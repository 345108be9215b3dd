#include "engine_c.h"

#include <cmath>
#include <numeric>

#include "core/catalog.h"
#include "core/error.h"
#include "engine/engine_score.h"
#include "engine/peak.h"
#include "engine/simd.h"
#include "net/graph_json.h"
#include "net/model.h"
#include "net/presets.h"
#include "sampler/sample.h"

using namespace scoresde;

struct BenchModel {
  Model model;
  Graph graph;
  std::string json;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<EngineScore> score;
  int threads = 1;
};

namespace {

std::string last_error;

template <class Function>
auto guarded(Function function, decltype(function()) failed) {
  try {
    return function();
  } catch (const std::exception& error) {
    last_error = error.what();
    return failed;
  }
}

// Matrices and kernels with the variance that keeps a signal's size, everything else near its usual value. The last
// ones of score_sde's blocks are zero, as it initialises them: otherwise DDPM++ is chaotic (in float64 a change of x by
// 1e-9 moves the output by 1, at whatever size they have, because the blocks' norms undo it), and an error says
// nothing.
Tensor drawn(const Parameter& parameter, std::uint64_t seed, std::uint64_t index) {
  std::vector<float> values(static_cast<std::size_t>(element_count(parameter.shape)));
  fill_normal({.seed = seed, .purpose = Purpose::test, .sample = index}, std::span(values));
  const bool matrix = parameter.shape.size() > 1,
             one = parameter.init == Init::ones || parameter.init == Init::near_one;
  const double fan = static_cast<double>(values.size()) / static_cast<double>(parameter.shape[0]);
  const auto named = [&](std::string_view part) { return parameter.name.find(part) != std::string::npos; };
  const bool last = named(".Conv_1.") || named(".NIN_3.");
  const double scale = !parameter.trainable ? parameter.scale : matrix ? (last ? 0 : 1) / std::sqrt(fan) : 0.1;
  for (float& value : values) value = static_cast<float>((one ? 1.0 : 0.0) + scale * static_cast<double>(value));
  return Tensor::of(parameter.shape, std::span<const float>(values));
}

BenchModel* opened(Model model) {
  auto result = std::make_unique<BenchModel>();
  result->graph = build_net(model.spec.net, model.spec.shape);
  result->json = shown(graph_json(result->graph));
  result->model = std::move(model);
  return result.release();
}

BenchModel* make(std::string_view preset, const Json& sde, const Json& net, const int* shape, std::uint64_t seed) {
  Model model;
  if (!preset.empty()) {
    const Json settings = preset_settings(find_entry("preset", presets(), preset));
    if (settings.contains("sde")) update(model.spec.sde, settings["sde"]);
    if (settings.contains("net")) update(model.spec.net, settings["net"]);
  }
  update(model.spec.sde, sde);
  update(model.spec.net, net);
  model.spec.shape = {shape[0], shape[1], shape[2], true};
  model.spec.data = "none";
  const Graph graph = build_net(model.spec.net, model.spec.shape);
  for (std::size_t i = 0; i < graph.parameters.size(); ++i)
    model.weights[graph.parameters[i].name] = drawn(graph.parameters[i], seed, i);
  return opened(std::move(model));
}

void compile(BenchModel& model, int threads) {
  model.score.reset();
  model.engine.reset();
  model.threads = threads;
  model.engine = std::make_unique<Engine>(model.model.spec, model.model.weights, threads);
}

std::vector<double> times_of(const Sde& sde, const char* solver, int nfe) {
  const SolverChoice choice(solver, {});
  return choice.times(sde, choice.steps_for(nfe, true));
}

CounterNoise noise_of(const BenchModel& model, int rows, std::uint64_t first) {
  std::vector<std::uint64_t> ids(static_cast<std::size_t>(rows));
  std::iota(ids.begin(), ids.end(), first);
  return {0, ids, model.model.spec.shape.size()};
}

}  // namespace

const char* bench_error() { return last_error.c_str(); }

BenchModel* bench_make(const char* preset, const char* sde, const char* net, const int* shape,
                       unsigned long long seed) {
  return guarded([&] { return make(preset, parse_json(sde), parse_json(net), shape, seed); }, nullptr);
}

BenchModel* bench_open(const char* path) {
  return guarded([&] { return opened(read_model(path)); }, nullptr);
}

int bench_save(const BenchModel* model, const char* path) {
  return guarded([&] { return write_model(path, model->model.spec, model->model.weights), 0; }, 1);
}

void bench_close(BenchModel* model) { delete model; }

const char* bench_graph(BenchModel* model) { return model->json.c_str(); }

const float* bench_weight(BenchModel* model, int index) {
  const std::string& name = model->graph.parameters[static_cast<std::size_t>(index)].name;
  return guarded([&] { return model->model.weights.at(name).f32().data(); }, nullptr);
}

int bench_compile(BenchModel* model, int threads) {
  return guarded([&] { return compile(*model, threads), 0; }, 1);
}

int bench_schedule(BenchModel* model, const char* solver, int nfe, double* out) {
  return guarded(
      [&] {
        const auto sde = make_sde(model->model.spec.sde);
        const PredictionEntry& prediction = find_entry("prediction", predictions(), model->model.spec.net.prediction);
        for (const double t : times_of(*sde, solver, nfe)) {
          const Preconditioning c = prediction.make(*sde, t, model->model.spec.data_std);
          const auto [alpha, sigma] = sde->marginal(t);
          const double variance = sigma * sigma;
          for (const double value :
               {alpha, sigma, c.input, c.label, (1 + variance * c.score_x) / alpha, variance * c.score_f / alpha})
            *out++ = value;
        }
        return 0;
      },
      1);
}

int bench_prior(BenchModel* model, int rows, unsigned long long first, double* x) {
  return guarded(
      [&] {
        const Batch prior = draw_prior(*make_sde(model->model.spec.sde), noise_of(*model, rows, first));
        std::copy_n(prior.data(), prior.size(), x);
        return 0;
      },
      1);
}

int bench_sample(BenchModel* model, const char* solver, int rows, int nfe, unsigned long long first, double* y) {
  return guarded(
      [&] {
        if (!model->score) model->score = std::make_unique<EngineScore>(model->model, std::nullopt, model->threads);
        const auto sde = make_sde(model->model.spec.sde);
        const CounterNoise noise = noise_of(*model, rows, first);
        const auto method = make_solver(solver);
        const Samples samples =
            sample({*sde, *model->score, noise}, *method, draw_prior(*sde, noise), times_of(*sde, solver, nfe));
        std::copy_n(samples.x.data(), samples.x.size(), y);
        return 0;
      },
      1);
}

int bench_evaluate(BenchModel* model, int rows, const double* x, const double* label, double* y) {
  return guarded(
      [&] {
        const Index columns = model->model.spec.shape.size();
        const Batch out =
            (*model->engine)(Eigen::Map<const Batch>(x, rows, columns), Eigen::Map<const Times>(label, rows));
        std::copy_n(out.data(), out.size(), y);
        return 0;
      },
      1);
}

double bench_fma_peak(int threads) { return measured_fma_peak(threads); }

const char* bench_target() { return simd::target_name(); }
