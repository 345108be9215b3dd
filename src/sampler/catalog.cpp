#include "sampler/reference.h"
#include "sampler/solver.h"

namespace scoresde {

std::unique_ptr<Solver> make_ancestral(const SolverOptions&);
std::unique_ptr<Solver> make_annealed_langevin(const SolverOptions&);
std::unique_ptr<Solver> make_ddim(const SolverOptions&);
std::unique_ptr<Solver> make_deis(const SolverOptions&);
std::unique_ptr<Solver> make_dpm_pp_2m(const SolverOptions&);
std::unique_ptr<Solver> make_dpm_pp_3m(const SolverOptions&);
std::unique_ptr<Solver> make_edm_heun(const SolverOptions&);
std::unique_ptr<Solver> make_euler_maruyama(const SolverOptions&);
std::unique_ptr<Solver> make_flow_euler(const SolverOptions&);
std::unique_ptr<Solver> make_heun(const SolverOptions&);
std::unique_ptr<Solver> make_langevin(const SolverOptions&);
std::unique_ptr<Solver> make_none(const SolverOptions&);
std::unique_ptr<Solver> make_reverse_diffusion(const SolverOptions&);
std::unique_ptr<Solver> make_rk45(const SolverOptions&);

namespace {

int no_evaluations(int, const SolverOptions&) { return 0; }
int one_a_step(int steps, const SolverOptions&) { return steps; }
int two_a_step(int steps, const SolverOptions&) { return 2 * steps; }
int corrector_evaluations(int steps, const SolverOptions& options) { return steps * options.corrector_steps; }

constexpr SolverEntry solver_table[] = {
    {.name = "euler-maruyama",
     .summary = "the reverse SDE, or by eta its whole family down to the flow (Song et al. 2021, eq. 6)",
     .order = 1,
     .stochastic = true,
     .takes_eta = true,
     .grid = "uniform",
     .count = one_a_step,
     .make = make_euler_maruyama,
     .make_reference = make_reference_euler_maruyama},
    {.name = "reverse-diffusion",
     .summary = "the forward discretisation reversed (Song et al. 2021, app. E); eta = 0: their probability flow",
     .order = 1,
     .stochastic = true,
     .takes_eta = true,
     .grid = "uniform",
     .count = one_a_step,
     .make = make_reverse_diffusion,
     .make_reference = make_reference_reverse_diffusion},
    {.name = "ancestral",
     .summary = "DDPM's reverse chain with exact transitions (Ho et al. 2020; Song et al. 2021, app. F)",
     .order = 1,
     .stochastic = true,
     .grid = "uniform",
     .count = one_a_step,
     .make = make_ancestral,
     .make_reference = make_reference_ancestral},
    {.name = "flow-euler",
     .summary = "the probability flow by Euler's method",
     .order = 1,
     .grid = "karras",
     .count = one_a_step,
     .make = make_flow_euler},
    {.name = "heun",
     .summary = "the probability flow by Heun's method in t",
     .order = 2,
     .grid = "karras",
     .count = two_a_step,
     .make = make_heun},
    {.name = "rk45",
     .summary = "the probability flow by Dormand-Prince 5(4), steps and tolerance for each sample alone",
     .order = 5,
     .adaptive = true,
     .grid = "uniform",
     .count = no_evaluations,
     .make = make_rk45,
     .make_reference = make_reference_rk45},
    {.name = "ddim",
     .summary = "DDIM: exact where the noise estimate is constant; eta = 1 is ancestral (Song et al. 2021)",
     .order = 1,
     .takes_eta = true,
     .grid = "log-snr",
     .count = one_a_step,
     .make = make_ddim},
    {.name = "dpm++2m",
     .summary = "DPM-Solver++(2M): second order at one evaluation a step (Lu et al. 2022)",
     .order = 2,
     .grid = "log-snr",
     .count = one_a_step,
     .make = make_dpm_pp_2m},
    {.name = "dpm++3m",
     .summary = "DPM-Solver++(3M): third order at one evaluation a step (Lu et al. 2022)",
     .order = 3,
     .grid = "log-snr",
     .count = one_a_step,
     .make = make_dpm_pp_3m},
    {.name = "deis",
     .summary = "DEIS tAB2: the noise estimate as a quadratic polynomial in t (Zhang & Chen 2023)",
     .order = 3,
     .grid = "log-snr",
     .count = one_a_step,
     .make = make_deis},
    {.name = "edm-heun",
     .summary = "Heun's method in sigma/alpha, with churn (Karras et al. 2022, algorithm 2)",
     .order = 2,
     .takes_churn = true,
     .grid = "karras",
     .count = two_a_step,
     .make = make_edm_heun},
    {.name = "langevin",
     .summary = "corrector: Langevin steps of a set signal-to-noise ratio (Song et al. 2021, alg. 4, 5)",
     .order = 0,
     .stochastic = true,
     .corrector = true,
     .grid = "uniform",
     .count = corrector_evaluations,
     .make = make_langevin,
     .make_reference = make_reference_langevin},
    {.name = "annealed-langevin",
     .summary = "corrector: Langevin steps in proportion to sigma (Song & Ermon 2019)",
     .order = 0,
     .stochastic = true,
     .corrector = true,
     .grid = "uniform",
     .count = corrector_evaluations,
     .make = make_annealed_langevin,
     .make_reference = make_reference_annealed_langevin},
    {.name = "none",
     .summary = "no predictor: for sampling by a corrector alone",
     .order = 0,
     .grid = "uniform",
     .count = no_evaluations,
     .make = make_none,
     .make_reference = make_reference_none},
};

}  // namespace

std::span<const SolverEntry> solvers() { return solver_table; }

}  // namespace scoresde
