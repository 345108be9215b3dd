#include "core/catalog.h"

#include <algorithm>

#include "objective/objective.h"

namespace scoresde {
namespace {

struct ObjectiveMaker {
  std::string_view name;
  std::unique_ptr<Objective> (*make)(const ObjectiveConfig&, const Sde&, const Score*);
};

constexpr ObjectiveMaker objective_makers[] = {{"dsm", make_dsm},
                                               {"smld", make_smld},
                                               {"ddpm", make_ddpm},
                                               {"esm", make_esm},
                                               {"ism", make_ism},
                                               {"ssm", make_ssm},
                                               {"ssm-vr", make_ssm_vr},
                                               {"fd-ssm", make_fd_ssm},
                                               {"cd", make_cd},
                                               {"pcd", make_pcd},
                                               {"cross-entropy", make_cross_entropy}};
static_assert(std::ranges::equal(objective_makers, objective_table, {}, &ObjectiveMaker::name, &ObjectiveEntry::name),
              "one maker a row of objectives, in its order");

}  // namespace

std::unique_ptr<Objective> make_objective(const ObjectiveConfig& config, const Sde& sde, const Score* oracle) {
  const auto& entry = find_entry("objective", objectives(), config.name);
  return objective_makers[&entry - objective_table].make(config, sde, oracle);
}

}  // namespace scoresde
