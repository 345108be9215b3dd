#include <gtest/gtest.h>

#include <limits>

#include "sampler/test_problem.h"
#include "sde/grid.h"

namespace scoresde {
namespace {

constexpr Index kDimension = 5;

std::vector<std::uint64_t> ids(std::uint64_t first, std::uint64_t count) {
  std::vector<std::uint64_t> result;
  for (std::uint64_t i = 0; i < count; ++i) result.push_back(first + i);
  return result;
}

/// Samples first .. first + count - 1 of seed 11.
Samples draw(const GaussianProblem& problem, Solver& solver, std::span<const double> times, std::uint64_t first,
             std::uint64_t count, const Score* score = nullptr, bool denoise = true) {
  const CounterNoise noise(11, ids(first, count), kDimension);
  return sample({*problem.sde, score ? *score : problem.score, noise}, solver, draw_prior(*problem.sde, noise), times,
                {.denoise = denoise, .progress = {}});
}

bool same_bits(const Batch& a, const Batch& b) { return a.rows() == b.rows() && (a == b).all(); }

TEST(Sampler, NoSampleKnowsItsBatchMates) {
  for (const std::string& sde : sde_names()) {
    const GaussianProblem problem(sde, kDimension);
    for (const std::string& name : solver_names()) {
      SCOPED_TRACE(name + " on " + sde);
      const SolverChoice choice(name, name == "edm-heun" ? SolverOptions{.churn = 10} : SolverOptions{});
      const auto times = choice.times(*problem.sde, 4);
      const auto solver = choice.make();
      const Samples all = draw(problem, *solver, times, 0, 9);
      for (const std::uint64_t batch : {1u, 7u})
        for (std::uint64_t first = 0; first < 9; first += batch) {
          const std::uint64_t count = std::min(batch, 9 - first);
          const Samples part = draw(problem, *solver, times, first, count);
          EXPECT_TRUE(same_bits(part.x, all.x.middleRows(static_cast<Index>(first), static_cast<Index>(count))));
          for (std::uint64_t i = 0; i < count; ++i) EXPECT_EQ(part.evaluations[i], all.evaluations[first + i]);
        }
    }
  }
}

TEST(Sampler, FiniteForEveryNumberOfSteps) {
  for (const std::string& sde : sde_names()) {
    const GaussianProblem problem(sde, kDimension);
    for (const std::string& name : solver_names())
      for (int steps = 1; steps <= 50; ++steps) {
        const SolverChoice choice(name, {});
        const Samples samples = draw(problem, *choice.make(), choice.times(*problem.sde, steps), 0, 2);
        EXPECT_TRUE(samples.failures.empty())
            << name << " on " << sde << ", " << steps << " steps: " << to_text(samples.failures.front(), 0);
        EXPECT_TRUE(samples.x.isFinite().all());
      }
  }
}

SolverChoice with_corrector_steps(const std::string& name, int steps) {
  const SolverChoice plain(name, {});
  return plain.corrector() ? SolverChoice(name, {.corrector_steps = steps}) : plain;
}

TEST(Sampler, SpendsTheEvaluationsItDeclares) {
  for (const std::string& sde : sde_names()) {
    const GaussianProblem problem(sde, kDimension);
    for (const std::string& name : solver_names())
      for (int steps = 1; steps <= 12; ++steps)
        for (const bool denoise : {false, true}) {
          const SolverChoice choice = with_corrector_steps(name, 3);
          if (choice.adaptive()) continue;
          const Samples samples =
              draw(problem, *choice.make(), choice.times(*problem.sde, steps), 0, 3, nullptr, denoise);
          for (const auto n : samples.evaluations)
            EXPECT_EQ(static_cast<int>(n), choice.evaluations(steps, denoise))
                << name << " on " << sde << ", " << steps << " steps";
        }
  }
}

TEST(Sampler, AdaptiveEvaluationsAreCountedForEachSample) {
  const GaussianProblem problem("ve", kDimension);
  for (const char* name : {"rk45", "adaptive-sde"}) {
    const CountingScore counted(problem.score);
    const SolverChoice choice(name, {});
    const Samples samples = draw(problem, *choice.make(), choice.times(*problem.sde, 1), 0, 6, &counted);
    std::uint64_t told = 0;
    for (const auto n : samples.evaluations) told += n;
    EXPECT_EQ(told, counted.rows_evaluated()) << name;
  }
}

TEST(Sampler, StepsForALeastNumberOfEvaluations) {
  EXPECT_EQ(SolverChoice("heun", {}).steps_for_at_least(21, true), 10);
  EXPECT_EQ(SolverChoice("heun", {}).steps_for_at_least(22, true), 11);
  EXPECT_EQ(SolverChoice("langevin", {.corrector_steps = 90}).steps_for_at_least(200, true), 3);
  EXPECT_EQ(SolverChoice("dpm++2m", {}).steps_for_at_least(1, true), 1);
  EXPECT_THROW(SolverChoice("rk45", {}).steps_for_at_least(20, true), Error);
  EXPECT_THROW(SolverChoice("none", {}).steps_for_at_least(20, true), Error);
}

TEST(Sampler, StepsForAnExactNumberOfEvaluations) {
  EXPECT_EQ(SolverChoice("heun", {}).steps_for(21, true), 10);
  EXPECT_EQ(SolverChoice("heun", {}).steps_for(20, false), 10);
  EXPECT_EQ(SolverChoice("dpm++2m", {}).steps_for(10, true), 9);
  EXPECT_EQ(SolverChoice("reverse-diffusion+langevin", {}).steps_for(1001, true), 500);
  EXPECT_EQ(SolverChoice("reverse-diffusion+langevin", {.corrector_steps = 2}).steps_for(9, false), 3);
  const auto message = [](std::string_view name, int nfe) -> std::string {
    try {
      SolverChoice(name, {}).steps_for(nfe, true);
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::usage);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message("heun", 22),
            "solver heun with the final denoising cannot make exactly 22 evaluations; 21 and 23 are possible");
  EXPECT_EQ(message("heun", 1),
            "solver heun with the final denoising cannot make exactly 1 evaluations; the least is 3");
  EXPECT_NE(message("rk45", 20).find("rtol"), std::string::npos);
  EXPECT_NE(message("none", 20), "");
}

/// The score of `inner`, but not a number for one sample below a time.
class BrokenScore : public Score {
 public:
  BrokenScore(const Score& inner, Index row, double below) : inner_(inner), row_(row), below_(below) {}
  Batch operator()(const Batch& x, const Times& t) const override {
    Batch score = inner_(x, t);
    if (row_ < x.rows() && t(row_) < below_) score.row(row_) = std::numeric_limits<double>::quiet_NaN();
    return score;
  }
  Index dimension() const override { return inner_.dimension(); }

 private:
  const Score& inner_;
  Index row_;
  double below_;
};

TEST(Sampler, AFailedSampleIsNamedAndHarmsNoOther) {
  const GaussianProblem problem("vp", kDimension);
  for (const char* name : {"heun", "euler-maruyama", "dpm++2m", "reverse-diffusion+langevin"}) {
    const SolverChoice choice(name, {});
    const auto times = choice.times(*problem.sde, 20);
    const BrokenScore broken(problem.score, 2, times[10]);
    const Samples good = draw(problem, *choice.make(), times, 0, 4),
                  bad = draw(problem, *choice.make(), times, 0, 4, &broken);
    ASSERT_EQ(bad.failures.size(), 1u) << name;
    EXPECT_EQ(bad.failures[0].row, 2);
    EXPECT_GE(bad.failures[0].step, 9);
    EXPECT_LE(bad.failures[0].step, 11);
    for (const Index row : {0, 1, 3}) EXPECT_TRUE(same_bits(good.x.row(row), bad.x.row(row))) << name;
  }
}

TEST(Sampler, StopsOnlyWhenAllHaveFailed) {
  const GaussianProblem problem("vp", kDimension);
  const SolverChoice choice("ddim", {});
  const auto times = choice.times(*problem.sde, 20);
  const BrokenScore broken(problem.score, 0, times[10] * (1 + 1e-12));
  const Samples samples = draw(problem, *choice.make(), times, 0, 1, &broken);
  ASSERT_EQ(samples.failures.size(), 1u);
  EXPECT_EQ(samples.failures[0].step, 10);
  EXPECT_EQ(samples.evaluations[0], 11u);
  EXPECT_NE(to_text(samples.failures[0], 5).find("sample 5: not a finite number after step 11"), std::string::npos);
}

TEST(Sampler, AToleranceThatCannotBeMetIsReported) {
  const GaussianProblem problem("vp", kDimension);
  const BrokenScore broken(problem.score, 0, 0.5);
  for (const char* name : {"rk45", "adaptive-sde"}) {
    const SolverChoice choice(name, {});
    const Samples samples = draw(problem, *choice.make(), choice.times(*problem.sde, 1), 0, 1, &broken, false);
    ASSERT_EQ(samples.failures.size(), 1u) << name;
    EXPECT_EQ(samples.failures[0].reason, SampleFailure::Reason::not_converged) << name;
  }
}

TEST(Sampler, ARunForgetsTheOneBefore) {
  const GaussianProblem problem("vp", kDimension);
  for (const std::string& name : solver_names()) {
    const SolverChoice choice(name, {});
    const auto times = choice.times(*problem.sde, 6);
    const auto used = choice.make();
    draw(problem, *used, times, 50, 3);
    EXPECT_TRUE(same_bits(draw(problem, *used, times, 0, 3).x, draw(problem, *choice.make(), times, 0, 3).x)) << name;
  }
}

TEST(Sampler, DenoisingIsTweedieAtTheLastTime) {
  const GaussianProblem problem("ve", kDimension);
  const SolverChoice choice("ddim", {});
  const auto times = choice.times(*problem.sde, 5);
  const Samples raw = draw(problem, *choice.make(), times, 0, 2, nullptr, false),
                clean = draw(problem, *choice.make(), times, 0, 2);
  EXPECT_TRUE(same_bits(clean.x, denoise(*problem.sde, problem.score, raw.x, times_of(2, times.back()))));
}

TEST(Sampler, TellsItsProgress) {
  const GaussianProblem problem("vp", kDimension);
  const CounterNoise noise(1, ids(0, 2), kDimension);
  std::vector<double> seen;
  const std::vector<double> times = {1, 0.5, 0.25};
  const Samples samples = sample({*problem.sde, problem.score, noise}, *make_solver("heun"),
                                 draw_prior(*problem.sde, noise), times, {.progress = [&](const SamplingProgress& p) {
                                   EXPECT_EQ(p.steps, 2);
                                   EXPECT_EQ(p.step, static_cast<int>(seen.size()));
                                   EXPECT_EQ(p.x.rows(), 2);
                                   seen.push_back(p.t);
                                 }});
  EXPECT_EQ(seen, times);
}

TEST(Sampler, RefusesWhatHasNoMeaning) {
  const auto message = [](std::string_view name, const SolverOptions& options) -> std::string {
    try {
      make_solver(name, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), Failure::usage);
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message("hoin", {}).find("did you mean 'heun'"), std::string::npos);
  EXPECT_NE(message("dpmm++2m", {}).find("did you mean 'dpm++2m'"), std::string::npos);
  EXPECT_NE(message("hoin+langevin", {}).find("did you mean 'heun'"), std::string::npos);
  EXPECT_NE(message("heun+langvin", {}).find("did you mean 'langevin'"), std::string::npos);
  EXPECT_NE(message("langevin+heun", {}).find("corrector"), std::string::npos);
  EXPECT_NE(message("heun+ddim", {}).find("no corrector"), std::string::npos);
  EXPECT_NE(message("rk45+langevin", {}).find("its own steps"), std::string::npos);
  EXPECT_NE(message("ancestral", {.variance = "big"}).find("one of posterior, forward"), std::string::npos);
  EXPECT_NE(message("heun", {.compatibility = "score_sde"}).find("no solver heun"), std::string::npos);
  EXPECT_NE(message("heun", {.compatibility = "other"}).find("one of none, score_sde,"), std::string::npos);
  EXPECT_NE(message("heun", {.variance = "big"}).find("one of posterior, forward"), std::string::npos);
  EXPECT_NE(message("ancestral", {.variance = "big", .compatibility = "score_sde"}).find("one of posterior"),
            std::string::npos);
  EXPECT_NE(message("ddim", {.eta = -0.5}).find("-1 for the method's own"), std::string::npos);
  EXPECT_NE(message("heun", {.eta = 0.7}).find("solver heun does not read it; euler-maruyama, "), std::string::npos);
  EXPECT_NE(message("langevin", {.eta = 0}).find("does not read it"), std::string::npos);
  EXPECT_NE(message("euler-maruyama", {.eta = 0.5, .compatibility = "score_sde"}).find("eta = 0 and eta = 1 only"),
            std::string::npos);
  EXPECT_EQ(message("dpm++2m+langevin", {}), "");
  EXPECT_EQ(message("heun+none", {}), "");

  const GaussianProblem problem("vp", kDimension);
  EXPECT_THROW(draw(problem, *make_solver("heun"), std::vector{1.0}, 0, 1), Error);
  EXPECT_THROW(draw(problem, *make_solver("heun"), std::vector{0.5, 1.0}, 0, 1), Error);
  EXPECT_THROW(draw(problem, *make_solver("dpm++2m"), std::vector{1.0, 0.5, 0.5, 0.2}, 0, 1), Error);
  EXPECT_THROW(SolverChoice("heun", {}).times(*problem.sde, 0), Error);
}

TEST(Sampler, TheGridFollowsTheScheduleNotItsName) {
  SdeConfig copy;  // sigma = t on [0.002, 80], as edm
  copy.name = "table";
  copy.table = "t,alpha,sigma\n";
  for (int i = 0; i <= 100; ++i) {
    const double t = 0.002 * std::pow(40000, i / 100.0);
    copy.table += fmt::format("{},1,{}\n", t, t);
  }
  const SolverChoice choice("euler-maruyama", {});
  EXPECT_EQ(choice.grid(*make_sde(copy)), "karras");
  for (const std::string& name : sde_names())
    EXPECT_EQ(choice.grid(*GaussianProblem(name).sde), name == "edm" || name == "ou" ? "karras" : "uniform") << name;
  EXPECT_EQ(SolverChoice("ddim", {}).grid(*make_sde(copy)), "log-snr");
  EXPECT_EQ(SolverChoice("euler-maruyama", {.compatibility = "score_sde"}).grid(*make_sde(copy)), "uniform");
}

TEST(Sampler, TheNearestIndexIsOneOfTheCompatibilities) {
  const GaussianProblem problem("vp", kDimension);
  const CounterNoise noise(1, ids(0, 2), kDimension);
  const Batch x = Batch::Constant(2, kDimension, 0.8);
  const double t = 0.9999;  // place 998.9 of 0 .. 999
  const auto mean = [&](std::string_view compatibility) {
    const auto solver = make_solver("ancestral", {.scales = 1000, .compatibility = std::string(compatibility)});
    const ReverseProcess process{*problem.sde, problem.score, noise};
    solver->step(process, x, {t, t, 0});
    return solver->denoise(process, x, t)(0, 0);
  };
  const auto ddpm = [&](int index) {
    const double beta = (0.1 + 19.9 * index / 999) / 1000;
    return (0.8 + beta * problem.score(x, times_of(2, t))(0, 0)) / std::sqrt(1 - beta);
  };
  EXPECT_NEAR(mean("score_sde"), ddpm(998), 1e-12);
  EXPECT_NEAR(mean("score_sde-nearest"), ddpm(999), 1e-12);
}

/// Whether a run asks for noise.
class AskedNoise : public NoiseSource {
 public:
  Batch normal(Purpose, const Interval&, std::uint32_t) const override {
    asked_ = true;
    return Batch::Zero(1, kDimension);
  }
  bool asked() const { return asked_; }

 private:
  mutable bool asked_ = false;
};

TEST(Sampler, SaysWhetherItIsStochastic) {
  const GaussianProblem problem("vp", kDimension);
  for (const std::string& name : solver_names())
    for (const auto& [eta, churn] : {std::pair{-1.0, 0.0}, {0.0, 0.0}, {1.0, 0.0}, {-1.0, 10.0}}) {
      if (eta >= 0 && !SolverChoice(name, {}).predictor().reads_setting("eta")) continue;
      if (churn > 0 && !SolverChoice(name, {}).predictor().reads_setting("churn")) continue;
      const SolverChoice choice(name, {.eta = eta, .churn = churn});
      const AskedNoise noise;
      sample({*problem.sde, problem.score, noise}, *choice.make(), Batch::Ones(1, kDimension),
             choice.times(*problem.sde, 3));
      EXPECT_EQ(choice.stochastic(), noise.asked()) << name << ", eta " << eta << ", churn " << churn;
    }
}

/// A value for each setting that is not its default.
std::vector<std::string> other_settings() {
  return {"eta=0.5",           "eta_min=0.5",   "eta_max=0.5",       "order=2",         "unipc_b=bh1",
          "variance=forward",  "snr=0.3",       "corrector_steps=2", "churn=20",        "churn_min=0.5",
          "churn_max=0.5",     "churn_noise=2", "restarts=3",        "restart_steps=7", "restart_min=0.25",
          "restart_max=0.5",   "rtol=0.1",      "atol=0.1",          "tolerance=0.1",   "langevin_step=0.3",
          "acceptance=density"};
}

TEST(Sampler, ASettingIsReadOrRefused) {
  const GaussianProblem problem("vp", kDimension);
  int read = 0, refused = 0;
  for (const SolverEntry& entry : solvers())
    for (const std::string& setting : other_settings()) {
      SCOPED_TRACE(std::string(entry.name) + " " + setting);
      const std::string name = setting.substr(0, setting.find('='));
      SolverOptions base, changed;
      if (entry.reads_setting("churn") && name != "churn") base.churn = changed.churn = 10;
      set(changed, setting);
      if (entry.reads_setting(name)) {
        const auto run = [&](const SolverOptions& options) {
          const SolverChoice choice(entry.name, options);
          return draw(problem, *choice.make(), choice.times(*problem.sde, 12), 0, 2);
        };
        const Samples a = run(base), b = run(changed);
        EXPECT_TRUE(!same_bits(a.x, b.x) || a.evaluations != b.evaluations) << "it says that it reads it";
        ++read;
      } else {
        try {
          const SolverChoice choice(entry.name, changed);
          ADD_FAILURE() << "ignored";
        } catch (const Error& error) {
          EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
          EXPECT_EQ(error.failure(), Failure::usage);
          ++refused;
        }
      }
    }
  EXPECT_EQ(read + refused, static_cast<int>(solvers().size() * other_settings().size()));
  EXPECT_GT(read, 40);
  int known = 0;
  for_each_setting(SolverOptions{}, [&](const auto&...) { ++known; });
  EXPECT_EQ(known, static_cast<int>(other_settings().size()) + 3) << "compatibility, scales and analytic_first apart";
}

/// The prior's score at the first time, the given one at all others.
class PriorAtTheStart : public Score {
 public:
  explicit PriorAtTheStart(const GaussianProblem& problem) : problem_(problem) {}
  Batch operator()(const Batch& x, const Times& t) const override {
    if (t(0) != problem_.sde->t_max()) return problem_.score(x, t);
    return x / -(problem_.sde->prior_std() * problem_.sde->prior_std());
  }
  Index dimension() const override { return problem_.score.dimension(); }

 private:
  const GaussianProblem& problem_;
};

TEST(Sampler, TheFirstEvaluationCanBeThePriorsForNothing) {
  int compared = 0;
  for (const std::string& sde : sde_names()) {
    const GaussianProblem problem(sde, kDimension);
    const PriorAtTheStart score(problem);
    for (const std::string& name : solver_names()) {
      SCOPED_TRACE(name + " on " + sde);
      const SolverChoice plain(name, {});
      if (plain.adaptive() || plain.predictor().name == "none") {
        EXPECT_THROW(SolverChoice(name, {.analytic_first = true}), Error);
        continue;
      }
      const SolverChoice choice(name, {.analytic_first = true});
      const auto times = choice.times(*problem.sde, 5);
      const Samples samples = draw(problem, *choice.make(), times, 0, 2);
      EXPECT_TRUE(same_bits(samples.x, draw(problem, *plain.make(), times, 0, 2, &score).x));
      EXPECT_EQ(static_cast<int>(samples.evaluations[0]), choice.evaluations(5, true));
      EXPECT_EQ(choice.evaluations(5, true), plain.evaluations(5, true) - 1);
      ++compared;
    }
  }
  EXPECT_GT(compared, 200);
}

TEST(Sampler, TheTableIsSound) {
  for (const SolverEntry& entry : solvers()) {
    EXPECT_FALSE(entry.summary.empty());
    EXPECT_EQ(entry.name.find(' '), std::string_view::npos);
    EXPECT_NE(entry.make({}), nullptr) << entry.name;
    EXPECT_FALSE(make_grid(entry.grid, *GaussianProblem("vp").sde, 1, 0.5, 3).empty()) << entry.name;
  }
}

}  // namespace
}  // namespace scoresde
