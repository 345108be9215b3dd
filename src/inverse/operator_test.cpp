#include "inverse/operator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "inverse/measurement.h"
#include "inverse/solve.h"
#include "inverse/test_operators.h"

namespace scoresde {
namespace {

using test::test_operator;
using test::test_shapes;
using test::vector_of_noise;

class EveryOperator : public testing::TestWithParam<const OperatorEntry*> {
 protected:
  /// Calls `of` for every shape that the operator serves.
  void each_shape(const std::function<void(const Operator&, const std::string&)>& of) const {
    int served = 0;
    for (const ItemShape& shape : test_shapes())
      if (const auto op = test_operator(*GetParam(), shape)) {
        of(*op, std::string(GetParam()->name) + " of " + to_text(shape));
        ++served;
      }
    EXPECT_GT(served, 0) << GetParam()->name;
  }
};

TEST_P(EveryOperator, IsLinearWithTheAdjointOfItsTransposeOrSaysSo) {
  each_shape([](const Operator& op, const std::string& what) {
    EXPECT_EQ(op.linear(), GetParam()->linear) << what;
    if (!op.linear()) {
      EXPECT_THROW(op.adjoint(Vector::Zero(op.outputs())), Error);
      return;
    }
    for (std::uint64_t k = 0; k < 5; ++k) {
      const Vector x = vector_of_noise(k, op.inputs()), z = vector_of_noise(k + 5, op.inputs());
      const Vector y = vector_of_noise(k + 10, op.outputs());
      const Vector ax = op.apply(x), aty = op.adjoint(y);
      EXPECT_NEAR(ax.dot(y), x.dot(aty), 1e-12 * ax.norm() * y.norm()) << what;
      EXPECT_LT((op.apply(2 * x - 3 * z) - 2 * ax + 3 * op.apply(z)).norm(), 1e-12 * (1 + ax.norm()) * 10) << what;
      EXPECT_TRUE(op.vjp(z, y) == aty) << what;
    }
  });
}

TEST_P(EveryOperator, HasTheGradientOfItsValues) {
  each_shape([](const Operator& op, const std::string& what) {
    const Vector x = 0.3 * vector_of_noise(1, op.inputs()).cwiseAbs(), d = vector_of_noise(2, op.inputs());
    const Vector v = vector_of_noise(3, op.outputs());
    const double h = 1e-6;
    const double along = (op.apply(x + h * d) - op.apply(x - h * d)).dot(v) / (2 * h);
    const double product = op.vjp(x, v).dot(d);
    EXPECT_NEAR(along, product, 1e-6 * (std::abs(product) + v.norm())) << what;
  });
}

TEST_P(EveryOperator, HasTheSpectrumOfItsMatrix) {
  each_shape([](const Operator& op, const std::string& what) {
    if (!op.linear()) {
      EXPECT_EQ(op.spectrum(), nullptr);
      return;
    }
    const auto with = with_spectrum(std::shared_ptr<const Operator>(&op, [](const Operator*) {}));
    const auto spectrum = with->spectrum();
    const Vector x = vector_of_noise(4, op.inputs());
    const Vector c = spectrum->analyse(x);
    EXPECT_NEAR(c.norm(), x.norm(), 1e-12 * x.norm()) << what;
    EXPECT_LT((spectrum->synthesise(c) - x).norm(), 1e-12 * x.norm()) << what;
    const Eigen::ArrayXd s = spectrum->singular_values();
    EXPECT_TRUE((s >= 0).all() && s.maxCoeff() > 0) << what;
    const Vector normal = op.adjoint(op.apply(x));
    const Vector by_spectrum = spectrum->synthesise((c.array() * s * s).matrix());
    EXPECT_LT((normal - by_spectrum).norm(), 1e-9 * (1 + normal.norm())) << what;
    // Frobenius: sum of s^2 is that of the matrix.
    EXPECT_NEAR((s * s).sum(), dense_matrix(op).squaredNorm(), 1e-9 * (s * s).sum()) << what;
    EXPECT_NEAR(operator_norm(op), s.maxCoeff(), 0.05 * s.maxCoeff()) << what;
  });
}

TEST_P(EveryOperator, SolvesProximalSystemsWithAndWithoutItsSpectrum) {
  each_shape([](const Operator& op, const std::string& what) {
    if (!op.linear()) return;
    // The same operator without its spectrum: conjugate gradients.
    const CallableOperator plain(
        op.inputs(), op.outputs(), [&](const Vector& x) { return op.apply(x); },
        [&](const Vector& y) { return op.adjoint(y); });
    const Vector x = vector_of_noise(5, op.inputs()), y = op.apply(vector_of_noise(6, op.inputs()));
    for (const double weight : {0.01, 1.0}) {
      const Vector z = proximal(op, y, x, weight), slow = proximal(plain, y, x, weight);
      const Vector gradient = op.adjoint(op.apply(z) - y) + weight * (z - x);
      EXPECT_LT(gradient.norm(), 1e-5 * (op.adjoint(y).norm() + weight * x.norm())) << what << " " << weight;
      EXPECT_LT((z - slow).norm(), 1e-3 * z.norm()) << what << " " << weight;
    }
    const Vector again = op.apply(pseudo_inverse(op, y));
    EXPECT_LT((again - y).norm(), 1e-2 * y.norm()) << what;
  });
}

TEST_P(EveryOperator, KeepsItsMeaningInModelUnits) {
  each_shape([](const Operator& op, const std::string& what) {
    const DataUnits units = DataUnits::of_pictures(op.inputs());
    const auto shared = std::shared_ptr<const Operator>(&op, [](const Operator*) {});
    const Vector x = vector_of_noise(7, op.inputs()).cwiseMax(-1).cwiseMin(1);
    const Vector data = (units.scale * x.array() + units.shift).matrix();
    const Batch y = op.apply(data).transpose().array();
    const Measurement m = in_model_units(shared, y, {.sigma = 0.1}, units);
    EXPECT_LT((m.op->apply(x) - Vector(m.y.row(0).transpose())).norm(), 1e-12 * (1 + y.matrix().norm())) << what;
    EXPECT_LT(residual_chi_square(m, x.transpose().array())[0], 1e-20) << what;
    if (op.linear() && op.spectrum()) {
      const Vector normal = m.op->adjoint(m.op->apply(x));
      const auto s = m.op->spectrum();
      const Vector by_spectrum =
          s->synthesise((s->analyse(x).array() * s->singular_values() * s->singular_values()).matrix());
      EXPECT_LT((normal - by_spectrum).norm(), 1e-9 * (1 + normal.norm())) << what;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(All, EveryOperator, testing::ValuesIn([] {
                           std::vector<const OperatorEntry*> entries;
                           for (const OperatorEntry& entry : operators()) entries.push_back(&entry);
                           return entries;
                         }()),
                         [](const auto& info) {
                           std::string name(info.param->name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Radon, ProjectsADiscToItsChordsAndFiltersItBack) {
  const ItemShape shape{1, 64, 64, true};
  OperatorOptions options;
  options.angles = 90;
  const auto op = make_operator("ct", shape, options);
  const double radius = 20;
  Vector disc(op->inputs());
  for (int i = 0; i < 64; ++i)
    for (int j = 0; j < 64; ++j) {  // the share of each pixel inside, by 8 x 8 points
      int inside = 0;
      for (int a = 0; a < 64; ++a)
        inside += std::hypot(i + (a / 8 + 0.5) / 8 - 32, j + (a % 8 + 0.5) / 8 - 32) < radius;
      disc[i * 64 + j] = inside / 64.0;
    }
  const Vector sinogram = op->apply(disc);
  const int bins = op->measured_shape().width;
  double worst = 0;
  for (int k = 0; k < 90; ++k)
    for (int bin = 0; bin < bins; ++bin) {
      const double s = bin - 0.5 * (bins - 1);
      if (std::abs(std::abs(s) - radius) < 2) continue;  // the edge of a pixel disc is no circle
      const double chord = std::abs(s) < radius ? 2 * std::sqrt(radius * radius - s * s) : 0;
      worst = std::max(worst, std::abs(sinogram[k * bins + bin] - chord));
    }
  EXPECT_LT(worst, 0.8);
  const Vector back = op->baseline(sinogram, 0);
  double error = 0;
  int counted = 0;
  for (int i = 0; i < 64; ++i)
    for (int j = 0; j < 64; ++j)
      if (std::abs(std::hypot(i + 0.5 - 32, j + 0.5 - 32) - radius) > 3) {
        error += std::pow(back[i * 64 + j] - disc[i * 64 + j], 2);
        ++counted;
      }
  EXPECT_LT(std::sqrt(error / counted), 0.05);
}

TEST(Mri, CoilsOfOneMeasureEveryPixelOnce) {
  // Sensitivities have sum of squared moduli 1, so fully sampled coils give A^T A = I.
  OperatorOptions options;
  options.coils = 4;
  options.acceleration = 1;
  const auto op = make_operator("mri", {2, 8, 8, true}, options);
  const Vector x = vector_of_noise(1, op->inputs());
  EXPECT_LT((op->adjoint(op->apply(x)) - x).norm(), 1e-12 * x.norm());
}

TEST(TotalVariation, FindsTheLeastOfItsObjective) {
  const ItemShape shape{1, 12, 12, true};
  OperatorOptions options;
  options.keep = 0.5;
  const auto op = make_operator("inpaint-random", shape, options);
  Vector truth(op->inputs());
  for (Index i = 0; i < truth.size(); ++i) truth[i] = i % 12 < 6 ? 0.2 : 0.8;
  const Vector y = op->apply(truth);
  const double weight = 0.01;
  const auto objective = [&](const Vector& z) {
    double variation = 0;
    for (int i = 0; i < 12; ++i)
      for (int j = 0; j < 12; ++j)
        variation += std::hypot(j + 1 < 12 ? z[i * 12 + j + 1] - z[i * 12 + j] : 0,
                                i + 1 < 12 ? z[(i + 1) * 12 + j] - z[i * 12 + j] : 0);
    return 0.5 * (op->apply(z) - y).squaredNorm() + weight * variation;
  };
  const Vector z = total_variation(*op, y, shape, weight, 2000);
  EXPECT_LT((z - truth).cwiseAbs().maxCoeff(), 0.05);
  for (std::uint64_t k = 0; k < 20; ++k) EXPECT_LT(objective(z), objective(z + 1e-3 * vector_of_noise(k, z.size())));
  EXPECT_LT(objective(z), objective(truth) + 1e-6);
}

TEST(Noise, HasItsMomentsAndIsNobodysButTheRows) {
  const auto op = make_operator("denoise", {400, 1, 1, false});
  const Batch x = Batch::Constant(20, 400, 0.5);
  std::vector<std::uint64_t> ids(20);
  for (std::size_t k = 0; k < ids.size(); ++k) ids[k] = k;
  for (const MeasurementNoise noise :
       {MeasurementNoise{.sigma = 0.2}, MeasurementNoise{.peak = 25}, MeasurementNoise{.peak = 500}}) {
    const Batch y = simulate(*op, x, noise, 3, ids);
    const double variance = noise.poisson() ? 0.5 / noise.peak : 0.04, n = 8000;
    EXPECT_NEAR(y.mean(), 0.5, 5 * std::sqrt(variance / n));
    EXPECT_NEAR((y - 0.5).square().mean(), variance, 5 * variance * std::sqrt(2.2 / n));
    const std::uint64_t id = 7;
    EXPECT_TRUE((simulate(*op, x.topRows(1), noise, 3, {&id, 1}).row(0) == y.row(7)).all());
  }
  EXPECT_THROW(simulate(*op, -x, {.peak = 3}, 0, ids), Error);
}

TEST(Noise, OfCountsIsWhitened) {
  const auto op = make_operator("denoise", {500, 1, 1, false});
  const Batch x = Batch::Constant(1, 500, 0.4);
  const std::uint64_t id = 0;
  const MeasurementNoise noise{.peak = 200};
  const DataUnits same{Eigen::ArrayXd::Ones(500), Eigen::ArrayXd::Zero(500)};
  const Measurement m = in_model_units(op, simulate(*op, x, noise, 1, {&id, 1}), noise, same);
  EXPECT_EQ(m.sigma, 1);
  EXPECT_NEAR(residual_chi_square(m, x)[0], 1, 5 * std::sqrt(2.0 / 500) + 0.03);  // 0.03: variances are of the counts
}

TEST(Operators, RefuseWhatDoesNotFitThem) {
  const ItemShape picture{1, 8, 8, true}, table{5, 1, 1, false};
  const auto failure_of = [](const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.failure();
    }
    return Failure::run;
  };
  const auto of = [&](std::string_view name, const ItemShape& shape, const OperatorOptions& options = {},
                      const OperatorInputs& inputs = {}) {
    return failure_of([&] { make_operator(name, shape, options, inputs); });
  };
  OperatorOptions options;
  options.angles = 0;
  EXPECT_EQ(of("ct", picture, options), Failure::usage);
  options = {};
  options.factor = 3;
  EXPECT_EQ(of("super-resolution", picture, options), Failure::usage);
  EXPECT_EQ(of("ct", picture, options), Failure::usage) << "factor is not read";
  EXPECT_EQ(of("ct", table), Failure::usage);
  EXPECT_EQ(of("grey", picture), Failure::usage);
  EXPECT_EQ(of("inpaint", picture), Failure::usage) << "no mask";
  EXPECT_EQ(of("hoin", picture), Failure::usage);
  OperatorInputs inputs;
  inputs.mask = Eigen::ArrayXd::Ones(7);
  EXPECT_EQ(of("inpaint", picture, {}, inputs), Failure::data) << "mask of another size";
  EXPECT_EQ(of("denoise", picture, {}, inputs), Failure::usage) << "takes no mask";
  inputs.mask = Eigen::ArrayXd::Zero(64);
  EXPECT_EQ(of("inpaint", picture, {}, inputs), Failure::data) << "nothing is seen";
  inputs.mask = Eigen::ArrayXd::Constant(64, std::nan(""));
  EXPECT_EQ(of("inpaint", picture, {}, inputs), Failure::data);
  inputs = {};
  inputs.matrix = Eigen::MatrixXd::Zero(2, 64).sparseView();
  inputs.matrix.resize(2, 64);
  EXPECT_EQ(of("matrix", picture, {}, inputs), Failure::data) << "a matrix of zeros";
  EXPECT_EQ(of("matrix", table, {}, inputs), Failure::data) << "of another width";
  EXPECT_EQ(failure_of([] { check_noise({.sigma = -1}); }), Failure::usage);
  EXPECT_EQ(failure_of([] { check_noise({.sigma = std::nan("")}); }), Failure::usage);
  const auto op = make_operator("denoise", table);
  const DataUnits same{Eigen::ArrayXd::Ones(5), Eigen::ArrayXd::Zero(5)};
  EXPECT_EQ(failure_of([&] { in_model_units(op, Batch::Constant(1, 5, std::nan("")), {}, same); }), Failure::data);
  EXPECT_EQ(failure_of([&] { in_model_units(op, Batch::Zero(1, 4), {}, same); }), Failure::data);
}

}  // namespace
}  // namespace scoresde
