#include "report/ticks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/text.h"

namespace scoresde {
namespace {

std::string superscript(int exponent) {
  static constexpr std::string_view kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string out = exponent < 0 ? "⁻" : "";
  for (char digit : std::to_string(std::abs(exponent))) out += kDigits[digit - '0'];
  return out;
}

std::string power_text(double mantissa, int exponent) {
  const std::string power = "10" + superscript(exponent);
  return mantissa == 1 ? power : fmt::format("{:g}×{}", mantissa, power);
}

/// Labels that share their unit and their number of decimals: an axis reads 0.5M 1.0M 1.5M, not 500,000 1.0M 1.5M.
std::vector<Tick> labelled(const std::vector<double>& values, double step, double largest) {
  std::vector<Tick> ticks;
  const double unit = largest >= 1e9 ? 1e9 : largest >= 1e6 ? 1e6 : largest >= 1e5 ? 1e3 : 1;
  const std::string_view suffix = unit == 1e9 ? "G" : unit == 1e6 ? "M" : unit == 1e3 ? "k" : "";
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step / unit) + 1e-9)));
  for (double value : values) {
    std::string label;
    if (value == 0)
      label = "0";
    else if (decimals > 4 || largest >= 1e12) {
      const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
      const double mantissa = std::round(value / std::pow(10, exponent) * 1e6) / 1e6;
      label = power_text(mantissa, exponent);
    } else if (decimals == 0)
      label = grouped(std::llround(value / unit)) + std::string(suffix);
    else
      label = fmt::format("{:.{}f}{}", value / unit, decimals, suffix);
    if (label.starts_with("-")) label.replace(0, 1, "−");
    ticks.push_back({value, label});
  }
  return ticks;
}

std::string logarithmic_label(double mantissa, int exponent) {
  if (exponent < -4 || exponent > 5) return power_text(mantissa, exponent);
  const double value = mantissa * std::pow(10, exponent);
  return exponent >= 0 ? grouped(std::llround(value)) : fmt::format("{:.{}f}", value, -exponent);
}

}  // namespace

std::vector<Tick> linear_ticks(double low, double high, int most) {
  if (!(high > low) || most < 1) return {};
  const double least_step = (high - low) / most;
  double step = std::pow(10, std::floor(std::log10(least_step)));
  for (double factor : {1.0, 2.0, 5.0, 10.0})
    if (step * factor >= least_step * (1 - 1e-9)) {
      step *= factor;
      break;
    }
  std::vector<double> values;
  double largest = 0;
  for (auto k = static_cast<long long>(std::ceil(low / step - 1e-9));
       static_cast<double>(k) * step <= high + step * 1e-9; ++k) {
    values.push_back(static_cast<double>(k) * step);
    largest = std::max(largest, std::abs(values.back()));
  }
  if (static_cast<int>(values.size()) > most)  // both ends are round: one more than there is room for
    return linear_ticks(low, high + step * 1e-6, most - 1);
  return labelled(values, step, largest);
}

std::vector<Tick> logarithmic_ticks(double low, double high, int most) {
  if (!(low > 0) || !(high > low) || most < 1) return {};
  const int first = static_cast<int>(std::floor(std::log10(low) + 1e-9));
  const int last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
  const auto collect = [&](std::initializer_list<double> mantissas, int stride) {
    std::vector<Tick> ticks;
    for (int exponent = first; exponent <= last; ++exponent)
      for (double mantissa : mantissas) {
        const double value = mantissa * std::pow(10, exponent);
        if (exponent % stride == 0 && value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9))
          ticks.push_back({value, logarithmic_label(mantissa, exponent)});
      }
    return ticks;
  };
  for (const auto& mantissas : {std::initializer_list<double>{1, 2, 5}, {1, 3}}) {
    const std::vector<Tick> ticks = collect(mantissas, 1);
    const int count = static_cast<int>(ticks.size());
    if (count >= 3 && count <= most) return ticks;
  }
  for (int stride = 1; stride <= last - first + 1; ++stride) {
    const std::vector<Tick> ticks = collect({1}, stride);
    if (ticks.size() >= 2 && static_cast<int>(ticks.size()) <= most) return ticks;
    if (ticks.size() < 2) break;
  }
  return linear_ticks(low, high, most);
}

std::string number_text(double value, int digits) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  if (value == 0) return "0";
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value))));
  std::string out;
  if (exponent < -4 || exponent > 8) {
    out = fmt::format("{:.{}f}×10{}", value / std::pow(10, exponent), digits - 1, superscript(exponent));
  } else if (exponent >= digits - 1) {
    out = grouped(std::llround(value));
  } else {
    out = fmt::format("{:.{}f}", value, digits - 1 - exponent);
  }
  if (out.starts_with("-")) out.replace(0, 1, "−");
  return out;
}

}  // namespace scoresde
