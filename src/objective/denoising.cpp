#include "objective/denoising.h"

namespace scoresde {
namespace {

// A field of every task as numbers that multiply tensors like `like`.
template <class Get>
at::Tensor task_column(std::span<const DenoisingTask> tasks, const at::Tensor& like, const Get& get) {
  Times values(static_cast<Index>(tasks.size()));
  for (std::size_t i = 0; i < tasks.size(); ++i) values[static_cast<Index>(i)] = get(tasks[i]);
  return per_sample(values, like);
}

}  // namespace

Losses denoising_losses(const Learner& learner, const at::Tensor& x0, const at::Tensor& z,
                        std::span<const DenoisingTask> tasks, bool reduce_mean) {
  const auto column = [&](const auto& get) { return task_column(tasks, x0, get); };
  std::vector<Preconditioning> at;
  for (const DenoisingTask& task : tasks) at.push_back(task.at);

  const at::Tensor x = x0 * column([](const auto& task) { return task.marginal.alpha; }) +
                       z * column([](const auto& task) { return task.marginal.sigma; });
  const at::Tensor target = x0 * column([](const auto& task) { return task.target_data; }) +
                            z * column([](const auto& task) { return task.target_noise; });
  Losses losses;
  losses.output = learner.raw(x, at);
  const at::Tensor error = (losses.output - target).flatten(1);
  const at::Tensor distance = reduce_mean ? error.square().mean(1) : 0.5 * error.square().sum(1);
  losses.values = distance * column([](const auto& task) { return task.weight; }).reshape({-1});
  return losses;
}

}  // namespace scoresde
