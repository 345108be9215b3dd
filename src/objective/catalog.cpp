#include "core/catalog.h"

#include "objective/objective.h"

namespace scoresde {
namespace {

using ObjectiveMaker = std::unique_ptr<Objective> (*)(const ObjectiveConfig&, const Sde&);

constexpr ObjectiveMaker objective_makers[] = {make_dsm, make_smld, make_ddpm, make_cross_entropy};
static_assert(std::size(objective_makers) == std::size(objective_table), "one maker a row of objectives, in its order");

}  // namespace

std::unique_ptr<Objective> make_objective(const ObjectiveConfig& config, const Sde& sde) {
  const auto& entry = find_entry("objective", objectives(), config.name);
  return objective_makers[&entry - objective_table](config, sde);
}

}  // namespace scoresde
