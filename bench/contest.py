"""Contestants timed in turn, round by round, so that all of them meet the same machine."""
import statistics
import time

# libgomp's threads go on spinning for some milliseconds after a parallel region and would take the next one's cores.
PAUSE = 0.02


# A sampler calls its network many times over: whoever takes less than this is called again for as long, after one call
# that brings back what the others threw out of the caches and wakes the threads.
TURN = 0.05


def seconds_of(calls, call):
    begin = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - begin) / calls


def contest(contestants, rounds, seconds=1e9, warm=2):
    """{name: seconds a call of every round}. Each is called `warm` times before anything is measured; the order turns."""
    names = list(contestants)
    calls = {}
    for name in names * warm:
        calls[name] = max(1, round(TURN / seconds_of(1, contestants[name])))
    times = {name: [] for name in names}
    start = time.perf_counter()
    for i in range(rounds):
        for name in names[i % len(names):] + names[:i % len(names)]:
            time.sleep(PAUSE)
            if calls[name] > 1:
                contestants[name]()
            times[name].append(seconds_of(calls[name], contestants[name]))
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
