"""Contestants timed in turn, round by round, so that all of them meet the same machine."""
import statistics
import time

# libgomp's threads go on spinning for some milliseconds after a parallel region and would take the next one's cores.
PAUSE = 0.02


def contest(contestants, rounds, seconds=1e9, warm=2):
    """{name: seconds of every round}. Each is called `warm` times before anything is measured; the order turns."""
    names = list(contestants)
    for name in names * warm:
        contestants[name]()
    times = {name: [] for name in names}
    start = time.perf_counter()
    for i in range(rounds):
        for name in names[i % len(names):] + names[:i % len(names)]:
            time.sleep(PAUSE)
            begin = time.perf_counter()
            contestants[name]()
            times[name].append(time.perf_counter() - begin)
        if time.perf_counter() - start > seconds and i >= 2:
            break
    return times


def verdict(times, engine="engine"):
    """The best of the others is the one with the lowest median; ratios are its time over the engine's, round by round."""
    best = min((name for name in times if name != engine), key=lambda name: statistics.median(times[name]))
    ratios = [a / b for a, b in zip(times[best], times[engine])]
    return {
        "best": best,
        "ratio": statistics.median(ratios),
        "ratio_of_minima": min(times[best]) / min(times[engine]),
        "median": {name: statistics.median(t) for name, t in times.items()},
        "minimum": {name: min(t) for name, t in times.items()},
        "rounds": len(ratios),
    }
