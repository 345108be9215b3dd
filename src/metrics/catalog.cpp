#include "core/error.h"
#include "metrics/metric.h"

namespace scoresde {

MetricValue measure_c2st(const TwoSamples&);
MetricValue measure_c2st_knn(const TwoSamples&);
MetricValue measure_energy(const TwoSamples&);
MetricValue measure_mmd(const TwoSamples&);
MetricValue measure_kid(const TwoSamples&);
MetricValue measure_fd(const TwoSamples&);
MetricValue measure_fd_infinity(const TwoSamples&);
MetricValue fd_of_moments(const GroupedMoments&, const GroupedMoments&);
MetricValue fd_infinity_of_moments(const GroupedMoments&, const GroupedMoments&);
MetricValue measure_precision(const TwoSamples&);
MetricValue measure_recall(const TwoSamples&);
MetricValue measure_density(const TwoSamples&);
MetricValue measure_coverage(const TwoSamples&);
MetricValue measure_vendi(const TwoSamples&);
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
    {.name = "kid",
     .summary = "squared maximum mean discrepancy, kernel (x . y / D + 1)^3 (Binkowski et al. 2018)",
     .ideal = 0,
     .cost = kQuadratic,
     .default_dimension = kAnyDimension,
     .measure = measure_kid},
    {.name = "fd",
     .summary = "Frechet distance of two Gaussians with the samples' means and covariances (Heusel et al. 2017)",
     .ideal = 0,
     .cost = "n D² + 21 D³",
     .default_dimension = 256,
     .measure = measure_fd,
     .of_moments = fd_of_moments},
    {.name = "fd-infinity",
     .summary = "the same extrapolated to samples without end (Chong & Forsyth 2020)",
     .ideal = 0,
     .cost = "n D² + 147 D³",
     .default_dimension = 256,
     .measure = measure_fd_infinity,
     .of_moments = fd_infinity_of_moments},
    {.name = "precision",
     .summary = "share of samples on the estimated manifold of the data (Kynkaanniemi et al. 2019)",
     .ideal = 1,
     .cost = kQuadratic,
     .default_dimension = kAnyDimension,
     .measure = measure_precision},
    {.name = "recall",
     .summary = "share of the data on the estimated manifold of the samples",
     .ideal = 1,
     .cost = kQuadratic,
     .default_dimension = kAnyDimension,
     .measure = measure_recall},
    {.name = "density",
     .summary = "how densely data surround a sample (Naeem et al. 2020)",
     .ideal = 1,
     .cost = kQuadratic,
     .default_dimension = kAnyDimension,
     .measure = measure_density},
    {.name = "coverage",
     .summary = "share of data with a sample among their neighbours (Naeem et al. 2020)",
     .ideal = 1,
     .cost = kQuadratic,
     .default_dimension = kAnyDimension,
     .measure = measure_coverage},
    {.name = "vendi",
     .summary = "effective number of different samples over that of the data (Friedman & Dieng 2023)",
     .ideal = 1,
     .cost = "42 x 400³",
     .default_dimension = 0,
     .measure = measure_vendi},
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
