#pragma once
#include <cstddef>
#include <functional>

namespace scoresde {

/// How many threads networks may use: the kernels of a training step, and the workers of parallel_tasks(). Called once,
/// by the command line; ATen alone would start with half of the cores. Results of parallel_tasks() do not depend on it;
/// those of a training step do in the last bits.
void set_threads(int threads);
int threads();

/// Runs task(0) ... task(count - 1), each on one of threads() workers whose ATen, OpenMP and BLAS use that one thread
/// alone. Which worker runs a task is left open. Rethrows the first exception after all workers have stopped.
/// The calling thread keeps its own thread count.
void parallel_tasks(std::size_t count, const std::function<void(std::size_t)>& task);

}  // namespace scoresde
