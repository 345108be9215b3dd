#pragma once
#include <string>
#include <vector>

namespace scoresde {

enum class AxisScale {
  automatic,  ///< logarithmic where all values are positive and the largest is over 30 times the smallest
  linear,
  logarithmic
};

struct Tick {
  double value;
  std::string label;
};

/// Round values (1, 2 or 5 times a power of ten) within [low, high], at most `most` of them: "0.2", "40,000", "1.5M".
std::vector<Tick> linear_ticks(double low, double high, int most);

/// The same for a logarithmic axis, low > 0: powers of ten (every second or third where there are many), with 2 and 5
/// between where there is room, linear ones where the range is too short for either.
std::vector<Tick> logarithmic_ticks(double low, double high, int most);

/// A number with `digits` significant figures as a person writes it: "0.0312", "1.2e-05" as "1.2×10⁻⁵".
std::string number_text(double value, int digits = 3);

}  // namespace scoresde
