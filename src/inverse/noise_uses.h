#pragma once
#include "core/noise.h"

namespace scoresde {

inline constexpr Purpose purpose_measurement{24};
inline constexpr Purpose purpose_known{25};
inline constexpr Purpose purpose_resample{26};

}  // namespace scoresde
