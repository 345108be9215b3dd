#include "nn/network_score.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <stdexcept>

#include "core/error.h"
#include "nn/test_support.h"
#include "nn/threads.h"

namespace scoresde {
namespace {

ModelSpec spec_of(const std::string& net, const std::string& prediction = "edm") {
  ModelSpec spec;
  spec.net.name = net;
  spec.net.prediction = prediction;
  spec.net.channels = 10;
  spec.net.channel_mult = {1, 2};
  spec.net.attention = {3};
  spec.net.classes = 2;
  spec.shape = net == "mlp" || net == "energy" ? ItemShape{3, 1, 1, false} : ItemShape{1, 5, 5, true};
  return spec;
}

std::vector<at::Tensor> weights_of(const ModelSpec& spec, at::ScalarType dtype = at::kFloat) {
  Network network(build_net(spec.net, spec.shape), 3, dtype);
  testing_support::stir(network);
  return network.parameters();
}

Batch some_rows(Index rows, Index columns, std::uint64_t seed) {
  std::vector<std::uint64_t> ids(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
  return CounterNoise(seed, ids, columns).normal(Purpose::test, {1, 0, 0});
}

bool rows_equal(const Batch& a, const Batch& b) { return a.rows() == b.rows() && (a == b).all(); }

// Batches of 1, 7 and 64, rows in reverse, and 1 and 2 threads: all give the bits of row i alone.
TEST(NetworkScore, ARowIsTheSameBitsInAnyBatchOrderAndNumberOfThreads) {
  for (const char* net : {"unet", "mlp", "energy"}) {
    const ModelSpec spec = spec_of(net);
    const NetworkScore score(spec, weights_of(spec), 1);
    const Batch x = some_rows(64, score.dimension(), 1), v = some_rows(64, score.dimension(), 2);
    const Times t = Times::LinSpaced(64, 0.01, 1);
    set_threads(1);
    const Batch y = score(x, t), g = score.vjp(x, t, v);
    for (const int count : {1, 2, 3}) {
      set_threads(count);
      EXPECT_TRUE(rows_equal(score(x, t), y)) << net;
      EXPECT_TRUE(rows_equal(score.vjp(x, t, v), g)) << net;
      EXPECT_TRUE(rows_equal(score(x.colwise().reverse(), t.reverse()).colwise().reverse(), y)) << net;
      for (const Index size : {1, 7})
        for (Index first = 0; first < 64; first += size) {
          const Index rows = std::min(size, 64 - first);
          EXPECT_TRUE(rows_equal(score(x.middleRows(first, rows), t.segment(first, rows)), y.middleRows(first, rows)));
          if (first < 16) {
            EXPECT_TRUE(
                rows_equal(score.vjp(x.middleRows(first, rows), t.segment(first, rows), v.middleRows(first, rows)),
                           g.middleRows(first, rows)));
          }
        }
    }
  }
  set_threads(1);  // for the other tests: on a busy machine OpenMP's waiting threads make them ten times slower
}

// In double, central differences of v . score agree with J^T v to some h^2.
TEST(NetworkScore, VjpIsTheDifferenceQuotientForEveryPrediction) {
  for (const PredictionEntry& prediction : predictions())
    for (const char* net : {"unet", "mlp", "energy"}) {
      const ModelSpec spec = spec_of(net, std::string(prediction.name));
      const NetworkScore score(spec, weights_of(spec, at::kDouble));
      const Batch x = some_rows(3, score.dimension(), 1), v = some_rows(3, score.dimension(), 2),
                  d = some_rows(3, score.dimension(), 3);
      const Times t = Times::LinSpaced(3, 0.2, 0.9);
      constexpr double h = 1e-5;
      const Times numeric = ((score(x + h * d, t) - score(x - h * d, t)) * v).rowwise().sum() / (2 * h);
      const Times exact = (score.vjp(x, t, v) * d).rowwise().sum();
      for (Index i = 0; i < 3; ++i)
        EXPECT_NEAR(exact[i], numeric[i], 1e-6 * std::max(1.0, std::abs(numeric[i]))) << prediction.name << " " << net;
    }
}

// One pass gives what separate calls give, up to float32: with several copies of a row kernels may sum in another
// order.
TEST(NetworkScore, OnePassGivesTheScoreAndAllProducts) {
  for (const char* net : {"unet", "mlp", "energy"}) {
    const ModelSpec spec = spec_of(net);
    const NetworkScore score(spec, weights_of(spec), 1);
    const Batch x = some_rows(3, score.dimension(), 1);
    const Times t = Times::LinSpaced(3, 0.2, 0.9);
    std::vector<Batch> v;
    for (std::uint64_t k = 0; k < 18; ++k) v.push_back(some_rows(3, score.dimension(), 10 + k));  // two parts
    const ScoreAndVjps both = score.with_vjps(x, t, v);
    ASSERT_EQ(both.vjps.size(), v.size());
    EXPECT_LT((both.score - score(x, t)).abs().maxCoeff(), 1e-5 * both.score.abs().maxCoeff()) << net;
    for (std::size_t k = 0; k < v.size(); ++k)
      EXPECT_LT((both.vjps[k] - score.vjp(x, t, v[k])).abs().maxCoeff(), 1e-4 * both.vjps[k].abs().maxCoeff()) << net;
    for (Index i = 0; i < 3; ++i) {
      std::vector<Batch> mine;
      for (const Batch& one : v) mine.push_back(one.row(i));
      const ScoreAndVjps alone = score.with_vjps(x.row(i), t.segment(i, 1), mine);
      EXPECT_TRUE(rows_equal(alone.score, both.score.row(i))) << net;
      for (std::size_t k = 0; k < v.size(); ++k) EXPECT_TRUE(rows_equal(alone.vjps[k], both.vjps[k].row(i))) << net;
    }
    EXPECT_TRUE(score.with_vjps(x, t, {}).vjps.empty());
  }
}

TEST(NetworkScore, AnEnergyIsALogDensityWhoseGradientIsTheScore) {
  for (const PredictionEntry& prediction : predictions()) {
    ModelSpec spec = spec_of("energy", std::string(prediction.name));
    for (const ItemShape& shape : {ItemShape{3, 1, 1, false}, ItemShape{1, 5, 5, true}}) {
      spec.shape = shape;
      const NetworkScore score(spec, weights_of(spec, at::kDouble), 1);
      const Batch x = some_rows(3, score.dimension(), 1), d = some_rows(3, score.dimension(), 2);
      const Times t = Times::LinSpaced(3, 0.2, 0.9);
      constexpr double h = 1e-5;
      const Times numeric = (score.log_density(x + h * d, t) - score.log_density(x - h * d, t)) / (2 * h);
      const Times exact = (score(x, t) * d).rowwise().sum();
      for (Index i = 0; i < 3; ++i)
        EXPECT_NEAR(exact[i], numeric[i], 1e-6 * std::max(1.0, std::abs(numeric[i]))) << prediction.name;
    }
  }
  const ModelSpec mlp = spec_of("mlp");
  EXPECT_THROW(NetworkScore(mlp, weights_of(mlp)).log_density(some_rows(2, 3, 1), times_of(2, 0.5)), Error);
}

// An untrained network gives F = 0: the score is the linear part of the preconditioning, for edm that of N(0,
// data_std^2).
TEST(NetworkScore, AnUntrainedEdmNetworkIsTheScoreOfAGaussian) {
  const ModelSpec spec = spec_of("unet");
  const NetworkScore score(spec, Network(build_net(spec.net, spec.shape), 1).parameters());
  const Batch x = some_rows(4, score.dimension(), 1);
  const Times t = Times::LinSpaced(4, 0.1, 1);
  const Batch y = score(x, t);
  for (Index i = 0; i < 4; ++i) {
    const auto [alpha, sigma] = score.sde().marginal(t[i]);
    const double variance = sigma * sigma + alpha * alpha * spec.data_std * spec.data_std;
    EXPECT_LT((y.row(i) + x.row(i) / variance).abs().maxCoeff(), 1e-12 * x.row(i).abs().maxCoeff() / variance);
  }
}

TEST(NetworkScore, AModelAndItsTensorsAreTheSameScore) {
  const ModelSpec spec = spec_of("unet");
  Network network(build_net(spec.net, spec.shape), 3);
  testing_support::stir(network);
  const Model model{spec, network.state(), ""};
  const Batch x = some_rows(2, 25, 1);
  const Times t = times_of(2, 0.5);
  EXPECT_TRUE(rows_equal(NetworkScore(model, 1)(x, t), NetworkScore(spec, network.parameters(), 1)(x, t)));
  EXPECT_TRUE(rows_equal(NetworkScore(model).with_class(1)(x, t), NetworkScore(model, 1)(x, t)));
  EXPECT_FALSE(rows_equal(NetworkScore(model, 0)(x, t), NetworkScore(model, 1)(x, t)));
  EXPECT_FALSE(rows_equal(NetworkScore(model, 0)(x, t), NetworkScore(model)(x, t)));
}

TEST(NetworkScore, WhatItCannotDoIsAnError) {
  const ModelSpec spec = spec_of("unet");
  const auto weights = weights_of(spec);
  EXPECT_THROW(NetworkScore(spec, weights, 2), Error);
  EXPECT_THROW(NetworkScore(spec, weights, -1), Error);
  EXPECT_THROW(NetworkScore(spec, {}, 1), Error);
  const ModelSpec classifier = spec_of("classifier");
  EXPECT_THROW(NetworkScore(classifier, weights_of(classifier)), Error);
  ModelSpec unknown = spec;
  unknown.net.prediction = "epsilon";
  EXPECT_THROW(NetworkScore(unknown, weights), Error);
  const NetworkScore score(spec, weights);
  EXPECT_THROW(score(some_rows(2, 24, 1), times_of(2, 0.5)), Error);
  EXPECT_THROW(score(some_rows(2, 25, 1), times_of(3, 0.5)), Error);
}

TEST(Threads, EveryTaskRunsOnceAndAnExceptionComesBack) {
  std::vector<std::atomic<int>> runs(100);
  parallel_tasks(runs.size(), [&](std::size_t i) { ++runs[i]; });
  for (const auto& count : runs) EXPECT_EQ(count, 1);
  EXPECT_THROW(parallel_tasks(10,
                              [](std::size_t i) {
                                if (i == 3) throw std::runtime_error("three");
                              }),
               std::runtime_error);
  parallel_tasks(runs.size(), [&](std::size_t i) { ++runs[i]; });
  EXPECT_EQ(runs[99], 2);
}

}  // namespace
}  // namespace scoresde
