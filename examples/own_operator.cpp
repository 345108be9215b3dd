// An instrument that the table of operators does not have, as two C++ functions: all that is known of a picture is the
// sum of every row and every column. Eight pictures that explain it, drawn with a trained model:
//
//   scoresde train digits --preset digits --minutes 2 --out RUN
//   own_operator RUN drawn.png

#include <fmt/format.h>

#include "core/error.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/image_grid.h"
#include "engine/engine_score.h"
#include "inverse/method.h"

using namespace scoresde;

namespace {

std::shared_ptr<const Operator> row_and_column_sums(const ItemShape& shape) {
  const Index height = shape.height, width = shape.width;
  const auto apply = [=](const Vector& x) {
    Vector y = Vector::Zero(height + width);
    for (Index i = 0; i < height; ++i)
      for (Index j = 0; j < width; ++j) y[i] += x[i * width + j], y[height + j] += x[i * width + j];
    return y;
  };
  const auto adjoint = [=](const Vector& y) {
    Vector x(height * width);
    for (Index i = 0; i < height; ++i)
      for (Index j = 0; j < width; ++j) x[i * width + j] = y[i] + y[height + j];
    return x;
  };
  return std::make_shared<CallableOperator>(height * width, height + width, apply, adjoint);
}

void draw_from_sums(const char* run, const char* picture) {
  const Model model = read_model(run);
  const ItemShape& shape = model.spec.shape;
  if (!shape.image || shape.channels != 1) fail(Failure::usage, "{}: a model of grey pictures is needed", run);
  const auto sde = make_sde(model.spec.sde);
  const EngineScore score(model, std::nullopt, 1);

  const std::shared_ptr<const Operator> sums = row_and_column_sums(shape);
  const Batch truth = load_dataset(model.spec.data).rows(1);
  constexpr Index draws = 8;
  std::vector<std::uint64_t> ids(draws);
  for (std::size_t k = 0; k < ids.size(); ++k) ids[k] = k;
  const double noise = 0.2;
  const Measurement seen{sums, simulate(*sums, truth, {.sigma = noise}, 0, {ids.data(), 1}), noise};

  const CounterNoise randomness(0, ids, shape.size());
  const Samples samples = restore({*sde, score, randomness}, seen.repeated(draws), MethodChoice("ddrm"), 50);
  fmt::print("residual chi-square of each draw, 1 where the noise explains it:");
  for (const double value : residual_chi_square(seen.repeated(draws), samples.x)) fmt::print(" {:.2f}", value);
  fmt::print("\n");
  Batch shown(draws + 1, shape.size());
  shown << truth, samples.x;
  write_png(picture, grid(batch_to_images(shown, shape), static_cast<int>(draws) + 1));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) fail(Failure::usage, "own_operator RUN drawn.png");
  draw_from_sums(argv[1], argv[2]);
  return 0;
} catch (const Error& error) {
  fmt::print(stderr, "own_operator: {}\n", error.what());
  return static_cast<int>(error.failure());
}
