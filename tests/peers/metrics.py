"""The metrics of src/metrics by SciPy and scikit-learn, on p.npy and q.npy of a folder: JSON on stdout.

Exit code 77 where a package is missing."""
import json
import sys

try:
    import numpy as np
    from scipy import linalg, stats
    from sklearn.metrics import pairwise
    from sklearn.neighbors import NearestNeighbors
except ImportError as missing:
    print(missing)
    sys.exit(77)

p, q = (np.load(f"{sys.argv[1]}/{name}.npy").astype(float) for name in "pq")
n, d = p.shape


def u_statistic(xx, yy, xy):
    within = lambda k: (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))
    return within(xx) + within(yy) - 2 * xy.mean()


def kernel_statistic(kernel):
    return u_statistic(kernel(p, p), kernel(q, q), kernel(p, q))


def balls(real, fake, k=5):
    radii = NearestNeighbors(n_neighbors=k + 1).fit(real).kneighbors(real)[0][:, -1]
    return pairwise.euclidean_distances(real, fake) <= radii[:, None]


s, t = np.cov(p.T), np.cov(q.T)
squares = np.sort(pairwise.euclidean_distances(q[:500], squared=True)[np.triu_indices(min(n, 500), 1)])
median = squares[len(squares) // 2]
inside, other = balls(q, p), balls(p, q)
print(json.dumps({
    "fd": float(np.sum((p.mean(0) - q.mean(0)) ** 2) + np.trace(s + t) - 2 * np.trace(linalg.sqrtm(s @ t)).real),
    "kid": kernel_statistic(lambda x, y: pairwise.polynomial_kernel(x, y, degree=3, gamma=1 / d, coef0=1)),
    "mmd": kernel_statistic(lambda x, y: np.mean(
        [pairwise.rbf_kernel(x, y, gamma=1 / (2 * w * w * median)) for w in (0.25, 0.5, 1, 2)], axis=0)),
    "energy": kernel_statistic(lambda x, y: -pairwise.euclidean_distances(x, y)),
    "precision": float(inside.any(0).mean()),
    "recall": float(other.any(0).mean()),
    "density": float(inside.sum(0).mean() / 5),
    "coverage": float(inside.any(1).mean()),
    "w1 of the first column": float(stats.wasserstein_distance(p[:, 0], q[:, 0])),
}))
