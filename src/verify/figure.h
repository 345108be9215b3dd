#pragma once
#include <string_view>

#include "report/html.h"

namespace scoresde {

/// A page that shows one density shared by all processes of an SDE: the Fokker-Planck equation of the reverse SDE for
/// several eta against the exact marginals of a mixture, and paths of each, which differ.
ReportData density_figure(std::string_view sde);

}  // namespace scoresde
