#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/config.h"

namespace scoresde {

/// The perturbation kernel p(x_t | x_0) = N(alpha x_0, sigma^2 I).
struct Marginal {
  double alpha, sigma;
};

/// The forward transition p(x_t | x_s) = N(scale x_s, std^2 I), s < t.
struct Transition {
  double scale, std;
};

/// A linear Ito SDE dx = f(t) x dt + g(t) dw (Song et al. 2021, eq. 5), known completely by its marginal pair:
/// f = (log alpha)', g^2 = (sigma^2)' - 2 f sigma^2. Every solver serves every SDE through these.
class Sde {
 public:
  virtual ~Sde() = default;

  /// The name it has in the table and in files.
  virtual std::string_view name() const = 0;

  virtual double drift(double t) const = 0;       ///< f(t)
  virtual double diffusion(double t) const = 0;   ///< g(t) >= 0
  virtual Marginal marginal(double t) const = 0;  ///< alpha(t) > 0, sigma(t) > 0 on [t_min, t_max]

  virtual double t_max() const { return 1; }     ///< generation starts here
  virtual double t_min() const { return 1e-5; }  ///< training and likelihood go down to here
  virtual double t_end() const { return 1e-3; }  ///< sampling stops here by default, Song et al. app. C

  /// Standard deviation of the prior N(0, prior_std^2 I) from which generation starts.
  virtual double prior_std() const { return marginal(t_max()).sigma; }

  /// Half the logarithm of the signal-to-noise ratio, lambda(t) = log(alpha / sigma): falls strictly with t.
  virtual double log_snr(double t) const;

  /// The inverse of log_snr by safeguarded Newton steps, to a few ulp; values beyond the ends give the ends.
  virtual double time_at(double log_snr) const;

  /// Exact forward transition from s to t > s: scale = alpha_t / alpha_s, std^2 = sigma_t^2 - scale^2 sigma_s^2.
  /// Valid for every linear SDE, sub-VP included; computed without cancellation where the SDE knows how.
  virtual Transition transition(double s, double t) const;
};

/// alpha and sigma for one time a row.
struct Marginals {
  Times alpha, sigma;
};
Marginals marginals(const Sde& sde, const Times& t);

/// log N(x; 0, prior_std^2 I) of every row.
Times prior_log_density(const Sde& sde, const Batch& x);

/// Parameters of all SDEs; each reads its own. Zero means "the default of the named SDE".
struct SdeConfig {
  std::string name = "vp";
  double beta_min = 0.1, beta_max = 20;
  double sigma_min = 0, sigma_max = 0;
  double beta = 1, sigma = 1;
  double t_min = 0, t_max = 0, t_end = 0;
  std::string table;

  static constexpr auto fields() {
    return std::tuple{
        field("name", &SdeConfig::name, "which SDE: see `scoresde list sdes`"),
        field("beta_min", &SdeConfig::beta_min, "vp, sub-vp: beta(0)", {1e-6, 1e3}),
        field("beta_max", &SdeConfig::beta_max, "vp, sub-vp: beta(1)", {1e-6, 1e4}),
        field("sigma_min", &SdeConfig::sigma_min, "ve, edm: smallest noise, in data units; 0: 0.01 (ve), 0.002 (edm)",
              {0, 1e6}),
        field("sigma_max", &SdeConfig::sigma_max,
              "ve, edm: largest noise, in data units; 0: largest pairwise distance of the data (ve), 80 (edm)",
              {0, 1e6}),
        field("beta", &SdeConfig::beta, "ou: rate of decay, dX = -beta X dt + sigma dW", {1e-6, 1e3}),
        field("sigma", &SdeConfig::sigma, "ou: noise, dX = -beta X dt + sigma dW", {1e-6, 1e6}),
        field("t_min", &SdeConfig::t_min, "smallest time of training and likelihood; 0: the SDE's default", {0, 1e6}),
        field("t_max", &SdeConfig::t_max, "largest time; 0: the SDE's default", {0, 1e6}),
        field("t_end", &SdeConfig::t_end, "time at which sampling stops; 0: the SDE's default", {0, 1e6}),
        field("table", &SdeConfig::table, "table: a CSV file of t, alpha, sigma with at least 4 rows")};
  }
};

/// `config` with the content of its table's file in place of the file's name, for checkpoints that need no other file:
/// a `table` that has line breaks is read as the CSV itself.
SdeConfig self_contained(SdeConfig config);

/// A row of the table of SDEs.
struct SdeEntry {
  std::string_view name, summary;
  std::unique_ptr<Sde> (*make)(const SdeConfig&);
};
std::span<const SdeEntry> sdes();

/// The SDE that `config` names. Error{usage} for an unknown name (with the nearest known) or parameters that are no SDE
/// (sigma_min >= sigma_max, beta_min > beta_max, t_min >= t_max ...).
std::unique_ptr<Sde> make_sde(const SdeConfig& config);

}  // namespace scoresde
