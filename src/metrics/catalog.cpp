#include "core/error.h"
#include "metrics/metric.h"

namespace scoresde {

MetricValue measure_c2st(const TwoSamples&);
MetricValue measure_c2st_knn(const TwoSamples&);
MetricValue measure_energy(const TwoSamples&);
MetricValue measure_mmd(const TwoSamples&);
MetricValue measure_w1(const TwoSamples&);
MetricValue measure_w2(const TwoSamples&);
MetricValue measure_sinkhorn(const TwoSamples&);
MetricValue measure_kl(const TwoSamples&);
MetricValue measure_reverse_kl(const TwoSamples&);
MetricValue measure_js(const TwoSamples&);

namespace {

constexpr Index kAnyDimension = 1'000'000'000;
constexpr std::string_view kQuadratic = "n² D", kSorting = "n (D + log n)";

constexpr MetricEntry metric_table[] = {
    {.name = "c2st",
     .summary = "accuracy of a small network that tells samples from data (Lopez-Paz & Oquab 2017)",
     .ideal = 0.5,
     .cost = "5 networks",
     .default_dimension = 64,
     .measure = measure_c2st},
    {.name = "c2st-knn",
     .summary = "the same by the vote of nearest neighbours",
     .ideal = 0.5,
     .cost = kQuadratic,
     .default_dimension = kAnyDimension,
     .measure = measure_c2st_knn},
    {.name = "energy",
     .summary = "energy distance (Szekely & Rizzo 2013)",
     .ideal = 0,
     .cost = kQuadratic,
     .default_dimension = kAnyDimension,
     .measure = measure_energy},
    {.name = "mmd",
     .summary = "squared maximum mean discrepancy, Gaussian kernels about the median distance (Gretton et al. 2012)",
     .ideal = 0,
     .cost = kQuadratic,
     .default_dimension = kAnyDimension,
     .measure = measure_mmd},
    {.name = "w1",
     .summary = "Wasserstein-1 distance; sliced above one dimension",
     .ideal = 0,
     .cost = kSorting,
     .default_dimension = kAnyDimension,
     .measure = measure_w1},
    {.name = "w2",
     .summary = "Wasserstein-2 distance; sliced above one dimension (Bonneel et al. 2015)",
     .ideal = 0,
     .cost = kSorting,
     .default_dimension = kAnyDimension,
     .measure = measure_w2},
    {.name = "sinkhorn",
     .summary = "Sinkhorn divergence of squared distances, debiased (Feydy et al. 2019)",
     .ideal = 0,
     .cost = "8 blocks of 200²",
     .default_dimension = 0,
     .measure = measure_sinkhorn},
    {.name = "kl",
     .summary = "KL(data | samples) in nats: what the samples miss; by nearest neighbours (Wang et al. 2009)",
     .ideal = 0,
     .cost = kQuadratic,
     .default_dimension = 8,
     .takes_densities = true,
     .measure = measure_kl},
    {.name = "reverse-kl",
     .summary = "KL(samples | data) in nats: what the samples invent",
     .ideal = 0,
     .cost = kQuadratic,
     .default_dimension = 8,
     .takes_densities = true,
     .measure = measure_reverse_kl},
    {.name = "js",
     .summary = "Jensen-Shannon divergence in nats, at most log 2",
     .ideal = 0,
     .cost = kQuadratic,
     .default_dimension = 8,
     .takes_densities = true,
     .measure = measure_js},
};

}  // namespace

std::span<const MetricEntry> metrics() { return metric_table; }

MetricValue measure(const MetricEntry& entry, const TwoSamples& pair) {
  if (pair.samples.rows() != pair.reference.rows() || pair.samples.cols() != pair.reference.cols())
    fail(Failure::usage, "{}: samples of {} x {} values cannot be compared with {} x {}; both sizes must agree",
         entry.name, pair.samples.rows(), pair.samples.cols(), pair.reference.rows(), pair.reference.cols());
  if (pair.samples.rows() < 40 || pair.samples.cols() < 1)
    fail(Failure::usage, "{}: {} x {} values are too few; at least 40 rows are needed", entry.name, pair.samples.rows(),
         pair.samples.cols());
  if (!pair.samples.isFinite().all() || !pair.reference.isFinite().all())
    fail(Failure::usage, "{}: values that are not finite cannot be compared", entry.name);
  return entry.measure(pair);
}

}  // namespace scoresde
