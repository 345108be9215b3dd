#include <algorithm>
#include <cmath>

#include "core/file.h"
#include "core/text.h"
#include "sde/ranged.h"

namespace scoresde {
namespace {

constexpr std::size_t most_table_rows = 1'000'000;

/// Piecewise cubic Hermite interpolation, monotone where the values are (Fritsch & Butland 1984).
class Pchip {
 public:
  Pchip(std::vector<double> x, std::vector<double> y) : x_(std::move(x)), y_(std::move(y)), slope_(x_.size()) {
    const std::size_t last = x_.size() - 1;
    for (std::size_t i = 1; i < last; ++i) slope_[i] = inner_slope(secant(i - 1), secant(i), width(i - 1), width(i));
    slope_[0] = end_slope(secant(0), secant(1), width(0), width(1));
    slope_[last] = end_slope(secant(last - 1), secant(last - 2), width(last - 1), width(last - 2));
  }

  double value(double x) const {
    const std::size_t i = cell(x);
    const double h = width(i), u = (x - x_[i]) / h, v = 1 - u;
    return v * v * ((1 + 2 * u) * y_[i] + u * h * slope_[i]) +
           u * u * ((1 + 2 * v) * y_[i + 1] - v * h * slope_[i + 1]);
  }

  double derivative(double x) const {
    const std::size_t i = cell(x);
    const double u = (x - x_[i]) / width(i), v = 1 - u;
    return 6 * u * v * secant(i) + v * (1 - 3 * u) * slope_[i] + u * (1 - 3 * v) * slope_[i + 1];
  }

 private:
  double width(std::size_t i) const { return x_[i + 1] - x_[i]; }
  double secant(std::size_t i) const { return (y_[i + 1] - y_[i]) / width(i); }

  std::size_t cell(double x) const {
    const auto above = std::upper_bound(x_.begin() + 1, x_.end() - 1, x);
    return static_cast<std::size_t>(above - x_.begin()) - 1;
  }

  // Weighted harmonic mean of the two secants; 0 at a turning point.
  static double inner_slope(double left, double right, double left_width, double right_width) {
    if (!(left * right > 0)) return 0;
    const double a = 2 * right_width + left_width, b = right_width + 2 * left_width;
    return (a + b) / (a / left + b / right);
  }

  // Three-point formula, limited so that the first cell stays monotone and its slope does not vanish.
  static double end_slope(double near, double far, double near_width, double far_width) {
    const double slope = ((2 * near_width + far_width) * near - near_width * far) / (near_width + far_width);
    if (!(slope * near > 0)) return 0.5 * near;
    return std::abs(slope) > 3 * std::abs(near) ? 3 * near : slope;
  }

  std::vector<double> x_, y_, slope_;
};

struct TableRows {
  std::vector<double> t, log_alpha, log_snr;
};

/// (alpha, sigma) given at some times: log alpha and the log-SNR lambda are interpolated, with exact derivatives;
/// g^2 = -2 sigma^2 lambda' cannot become negative, as lambda falls.
class TableSde : public RangedSde {
 public:
  TableSde(TableRows rows, const TimeRange& range)
      : RangedSde(range), log_alpha_(rows.t, std::move(rows.log_alpha)), log_snr_(rows.t, std::move(rows.log_snr)) {}

  std::string_view name() const override { return "table"; }
  double drift(double t) const override { return log_alpha_.derivative(t); }
  double diffusion(double t) const override {
    return marginal(t).sigma * std::sqrt(std::max(0.0, -2 * log_snr_.derivative(t)));
  }
  Marginal marginal(double t) const override {
    const double log_alpha = log_alpha_.value(t);
    return {std::exp(log_alpha), std::exp(log_alpha - log_snr_.value(t))};
  }
  double log_snr(double t) const override { return log_snr_.value(t); }

 private:
  Pchip log_alpha_, log_snr_;
};

std::string_view without_spaces(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

void add_table_row(TableRows& rows, double t, double alpha, double sigma, const std::string& where) {
  if (!std::isfinite(t) || t < 0 || !std::isnormal(alpha) || alpha < 0 || !std::isnormal(sigma) || sigma < 0)
    fail(Failure::data, "{}: t = {}, alpha = {}, sigma = {}; t must be at least 0, alpha and sigma above 0", where, t,
         alpha, sigma);
  const double log_snr = std::log(alpha) - std::log(sigma);
  if (!rows.t.empty() && !(t > rows.t.back()))
    fail(Failure::data, "{}: t = {} does not lie above t = {} of the row before", where, t, rows.t.back());
  if (!rows.t.empty() && !(log_snr < rows.log_snr.back()))
    fail(Failure::data, "{}: alpha / sigma = {} must fall from row to row, and was {} before", where, std::exp(log_snr),
         std::exp(rows.log_snr.back()));
  if (rows.t.size() >= most_table_rows) fail(Failure::data, "{}: at most {} rows are allowed", where, most_table_rows);
  rows.t.push_back(t);
  rows.log_alpha.push_back(std::log(alpha));
  rows.log_snr.push_back(log_snr);
}

// Lines of t, alpha, sigma; a first line without numbers is a header; "#" starts a comment.
TableRows parse_table(const std::string& text, const std::string& source) {
  TableRows rows;
  std::size_t number = 0;
  bool header_allowed = true;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    const std::string_view content = without_spaces(std::string_view(line).substr(0, line.find('#')));
    if (content.empty()) continue;
    const std::string where = fmt::format("{}: line {}", source, number);
    const auto cells = split(content, ',');
    double value[3];
    std::size_t read = 0;
    while (read < 3 && read < cells.size() && parse_number(without_spaces(cells[read]), value[read])) ++read;
    const bool header = header_allowed && read == 0;
    header_allowed = false;
    if (header) continue;
    if (cells.size() != 3 || read != 3)
      fail(Failure::data, "{}: three numbers t, alpha, sigma are needed, not '{}'", where, content.substr(0, 60));
    add_table_row(rows, value[0], value[1], value[2], where);
  }
  if (rows.t.size() < 4) fail(Failure::data, "{}: at least 4 rows are needed, not {}", source, rows.t.size());
  return rows;
}

bool is_inline(const std::string& table) { return table.find('\n') != std::string::npos; }

}  // namespace

SdeConfig self_contained(SdeConfig config) {
  if (config.name == "table" && !config.table.empty() && !is_inline(config.table)) {
    config.table = read_text(config.table);
    if (!is_inline(config.table)) config.table += '\n';
  }
  return config;
}

std::unique_ptr<Sde> make_table(const SdeConfig& config) {
  if (config.table.empty()) fail(Failure::usage, "sde table: name its CSV file of t, alpha, sigma in sde.table");
  const std::string source = is_inline(config.table) ? "sde.table" : config.table;
  TableRows rows = parse_table(self_contained(config).table, source);
  const double first = rows.t.front(), last = rows.t.back();
  const double t_min = first > 0 ? first : 1e-5 * last;
  const TimeRange range = time_range(config, {t_min, last, t_min});
  if (range.t_min < first || range.t_max > last)
    fail(Failure::usage, "sde table: times {} to {} leave the table's {} to {}", range.t_min, range.t_max, first, last);
  return std::make_unique<TableSde>(std::move(rows), range);
}

}  // namespace scoresde
