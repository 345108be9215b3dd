#include "core/catalog.h"

#include <algorithm>

#include "objective/objective.h"

namespace scoresde {
namespace {

struct ObjectiveMaker {
  std::string_view name;
  std::unique_ptr<Objective> (*make)(const ObjectiveConfig&, const Sde&);
};

constexpr ObjectiveMaker objective_makers[] = {
    {"dsm", make_dsm}, {"smld", make_smld}, {"ddpm", make_ddpm}, {"cross-entropy", make_cross_entropy}};
static_assert(std::ranges::equal(objective_makers, objective_table, {}, &ObjectiveMaker::name, &ObjectiveEntry::name),
              "one maker a row of objectives, in its order");

}  // namespace

std::unique_ptr<Objective> make_objective(const ObjectiveConfig& config, const Sde& sde) {
  const auto& entry = find_entry("objective", objectives(), config.name);
  return objective_makers[&entry - objective_table].make(config, sde);
}

}  // namespace scoresde
