"""Whole sampling: DPM-Solver++(2M) by the program's own solver and engine, and by the same loop in PyTorch."""
import math
import time

import numpy as np
import torch

from contest import contest, verdict
from engine import Engine
from forward import bound, modes
from networks import NETWORKS
from torch_graph import GraphNet

SOLVER = "dpm++2m"


def torch_loop(run, schedule, x):
    """run(x, t): the network. A last step to the last time, and then the estimate there."""
    previous = None
    for i, (alpha, sigma, scale, label, a, b) in enumerate(schedule):
        estimate = a * x + b * run(x * scale, torch.full((len(x),), label))
        if i + 1 == len(schedule):
            return estimate
        h = math.log(schedule[i + 1][0] / schedule[i + 1][1]) - math.log(alpha / sigma)
        direction = estimate
        if previous is not None:
            half = 0.5 * h / previous[1]
            direction = (1 + half) * estimate - half * previous[0]
        x = schedule[i + 1][1] / sigma * x - schedule[i + 1][0] * math.expm1(-h) * direction
        previous = (estimate, h)


def compare(library, name, samples, nfe, threads, rounds):
    preset, sde, settings, shape = NETWORKS[name]
    engine = Engine(library, preset, sde, settings, shape, threads)
    make = lambda: GraphNet(engine.graph, engine.weights())
    schedule = engine.schedule(SOLVER, nfe).tolist()
    prior = torch.tensor(engine.prior(samples), dtype=torch.float32)
    with torch.no_grad():
        label = torch.full((samples,), schedule[0][3])
        ways = modes(make(), make, prior, label)
        best = verdict({"engine": [1.0], **contest(bound(ways, prior, label), 1)})["best"]
        result = {}
        run = lambda: result.update(torch=torch_loop(ways[best], schedule, prior))
        row = verdict(contest({
            "engine": lambda: result.update(engine=engine.sample(SOLVER, samples, nfe)),
            best: run,
        }, rounds, warm=1))
    difference = abs(result["engine"] - result["torch"].numpy()).max()
    row.update(network=name, samples=samples, nfe=nfe, difference=float(difference))
    engine.close()
    return row


def growth(library, name, nfe, threads, counts=(16, 32, 64, 128), far=10**9):
    """Seconds a sample at growing numbers of samples, and far from the first."""
    preset, sde, settings, shape = NETWORKS[name]
    engine = Engine(library, preset, sde, settings, shape, threads)
    rows = {}
    for count, first in [(n, 0) for n in counts] + [(64, far)]:
        times = []
        for _ in range(4):
            begin = time.perf_counter()
            engine.sample(SOLVER, count, nfe, first)
            times.append((time.perf_counter() - begin) / count)
        rows[f"{count} from {first}"] = float(np.min(times))
    engine.close()
    return {"network": name, "nfe": nfe, "seconds_a_sample": rows}
