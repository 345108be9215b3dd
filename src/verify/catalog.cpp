#include "verify/check.h"

namespace scoresde {

std::vector<CheckTable> verify_marginals(const VerifyOptions&);
std::vector<CheckTable> verify_solvers(const VerifyOptions&);
std::vector<CheckTable> verify_langevin(const VerifyOptions&);

namespace {

constexpr VerificationEntry verification_table[] = {
    {"marginals", "alpha and sigma against drift and diffusion", verify_marginals},
    {"solvers", "order and law of every solver on every SDE", verify_solvers},
    {"langevin", "correctors leave the law of their noise level as it is", verify_langevin},
};

}  // namespace

std::span<const VerificationEntry> verifications() { return verification_table; }

}  // namespace scoresde
