#pragma once
#include "metrics/metric.h"

namespace scoresde {

/// exp of the mean over rows of KL(p(y | x) | p(y)), p(y) the mean of all rows: the inception score's form (Salimans et
/// al. 2016) for the class probabilities of any classifier, between 1 and the number of classes. Over all rows at once,
/// as Song et al. (2021); at least 20 rows.
MetricValue inception_score(const Batch& probabilities);

}  // namespace scoresde
