#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "golden.h"
#include "likelihood/flow.h"
#include "score/analytic.h"

namespace scoresde::test {
namespace {

/// The data of the golden file, by its `doc`.
MixtureScore golden_mixture(const Sde& sde, Index dimension, bool mixture) {
  Eigen::ArrayXd low(dimension), high(dimension);
  for (Index j = 0; j < dimension; ++j) {
    low[j] = 0.6 * std::cos(0.5 + 0.9 * static_cast<double>(j));
    high[j] = -0.5 * std::sin(0.2 + 1.1 * static_cast<double>(j));
  }
  if (!mixture) return {sde, {{1, Gaussian(low, 0.2 * 0.2)}}};
  return {sde, {{0.3, Gaussian(low, 0.2 * 0.2)}, {0.7, Gaussian(high, 0.35 * 0.35)}}};
}

// The reference's whole batch is one system for its step sizes, and it asks nothing of the divergence but one probe.
TEST(LikelihoodGolden, BitsLatentsAndStepsOfTheReference) {
  const Json golden = golden_json("likelihood_f64.json");
  int compared = 0;
  for (const Json& c : golden.at("cases")) {
    SdeConfig config;
    const std::string name = c["sde"];
    config.name = name == "VPSDE" ? "vp" : name == "VESDE" ? "ve" : "sub-vp";
    config.t_min = c["eps"];
    const auto sde = make_sde(config);
    Batch x = golden_batch(c["z"]);
    for (Index j = 0; j < x.size(); ++j) x.data()[j] = 0.5 * std::cos(0.3 + 1.7 * static_cast<double>(j));
    const MixtureScore score = golden_mixture(*sde, x.cols(), c["data"] == "mixture");
    std::vector<double> probe;
    append_numbers(c["eps_probe"], probe);
    const Probes probes{.v = {Eigen::Map<const Batch>(probe.data(), x.rows(), x.cols())}};
    const FlowResult r = flow_with_divergence(*sde, score, x, sde->t_min(), sde->t_max(), probes,
                                              {.tolerance = c["tol"], .one_system = true});
    const std::string what =
        fmt::format("{} {} {} {}", name, c["data"].get<std::string>(), x.cols(), c["probe"].get<std::string>());
    expect_close(r.x, c["z"], what);
    const Times prior = prior_log_density(*sde, r.x);
    for (Index i = 0; i < x.rows(); ++i) {
      const auto row = static_cast<std::size_t>(i);
      expect_close(r.divergence(i, 0), c["delta_logp"][row], what);
      const double bits = -(prior[i] + r.divergence(i, 0)) / std::numbers::ln2 / static_cast<double>(x.cols());
      expect_close(bits + c["offset"].get<double>(), c["bpd"][row], what);
      EXPECT_EQ(r.evaluations[row], c["nfe"].get<std::uint32_t>()) << what;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 90);
}

}  // namespace
}  // namespace scoresde::test
