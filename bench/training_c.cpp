#include "training_c.h"

#include <algorithm>
#include <cstdio>

#include "core/catalog.h"
#include "core/noise.h"
#include "net/presets.h"
#include "nn/threads.h"
#include "train/learn.h"

using namespace scoresde;

struct BenchTraining {
  RunConfig config;
  Dataset data;
  std::unique_ptr<Training> training;
};

namespace {

// As many items as a few batches need, of smooth noise: the time of a step does not depend on what it sees.
Dataset noise_images(const int* shape, std::size_t count) {
  Dataset data;
  data.name = "noise";
  data.shape = {shape[0], shape[1], shape[2], true};
  data.count = count;
  data.pixels.resize(count * static_cast<std::size_t>(data.shape.size()));
  std::vector<float> z(data.pixels.size());
  fill_normal({.purpose = Purpose::test}, std::span(z));
  for (std::size_t i = 0; i < z.size(); ++i)
    data.pixels[i] = static_cast<std::uint8_t>(std::min(255.0f, std::max(0.0f, 128 + 40 * z[i])));
  return data;
}

}  // namespace

BenchTraining* bench_training(const char* preset, const char* config, const int* shape, int threads) {
  try {
    set_threads(threads);
    auto result = std::make_unique<BenchTraining>();
    if (*preset) update(result->config, preset_settings(find_entry("preset", presets(), preset)));
    update(result->config, parse_json(config));
    result->config.data_std = 0.5;
    result->config.validation.items = 0;
    result->data = noise_images(shape, static_cast<std::size_t>(4 * result->config.batch));
    result->training = std::make_unique<Training>(result->config, result->data);
    return result.release();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "training: %s\n", error.what());
    return nullptr;
  }
}

double bench_training_step(BenchTraining* training) { return training->training->update().loss; }

void bench_training_close(BenchTraining* training) { delete training; }
