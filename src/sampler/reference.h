#pragma once
#include <memory>
#include <vector>

#include "sampler/solver.h"

namespace scoresde {

/// `compatibility = score_sde`: the solvers as yang-song/score_sde_pytorch has them, for comparison. They differ from
/// ours in this: a step of length t_max / N whatever the grid is, discrete tables read at a truncated index, the
/// corrector before the predictor and both at time t, Langevin norms averaged over the batch, and the final denoising
/// is the last predictor's mean (its noise left out), without an evaluation. `score_sde-nearest` differs from it in one
/// thing: a table is read at the entry whose time is nearest (IndexRule::nearest).
std::unique_ptr<Solver> make_reference_euler_maruyama(const SolverOptions& options);
std::unique_ptr<Solver> make_reference_reverse_diffusion(const SolverOptions& options);
std::unique_ptr<Solver> make_reference_ancestral(const SolverOptions& options);
std::unique_ptr<Solver> make_reference_none(const SolverOptions& options);
std::unique_ptr<Solver> make_reference_langevin(const SolverOptions& options);
std::unique_ptr<Solver> make_reference_annealed_langevin(const SolverOptions& options);

/// Their ODE sampler: the batch as one system; denoised by one noise-free reverse-diffusion step.
std::unique_ptr<Solver> make_reference_rk45(const SolverOptions& options);

/// linspace(t_start, t_stop, steps) and t_stop once more: the reference takes `steps` steps at these times, the last
/// one at t_stop itself.
std::vector<double> reference_times(double t_start, double t_stop, int steps);

}  // namespace scoresde
