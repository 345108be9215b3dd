#include "verify/check.h"

namespace scoresde {

std::vector<CheckTable> verify_marginals(const VerifyOptions&);
std::vector<CheckTable> verify_solvers(const VerifyOptions&);
std::vector<CheckTable> verify_langevin(const VerifyOptions&);
std::vector<CheckTable> verify_likelihood(const VerifyOptions&);
std::vector<CheckTable> verify_posteriors(const VerifyOptions&);
std::vector<CheckTable> verify_restoration(const VerifyOptions&);
std::vector<CheckTable> verify_densities(const VerifyOptions&);

namespace {

constexpr VerificationEntry verification_table[] = {
    {"marginals", "alpha and sigma against drift and diffusion", verify_marginals},
    {"solvers", "order and law of every solver on every SDE", verify_solvers},
    {"langevin", "correctors leave the law of their noise level as it is", verify_langevin},
    {"likelihood", "log densities along the flow, and estimators of its divergence", verify_likelihood},
    {"posteriors", "the exact posterior under a measurement, sampled", verify_posteriors},
    {"restoration", "methods for inverse problems against the exact posterior; ranks", verify_restoration},
    {"densities", "forward SDE, reverse SDE and flow share one density (Fokker-Planck)", verify_densities},
};

}  // namespace

std::span<const VerificationEntry> verifications() { return verification_table; }

}  // namespace scoresde
