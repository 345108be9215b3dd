"""One evaluation of a network: the engine against PyTorch's ways of running it."""
import numpy as np
import torch

from contest import contest, verdict
from engine import Engine
from networks import NETWORKS
from torch_graph import GraphNet


def modes(net, make, x, t):
    """{name: function of (x, t)} of PyTorch eager, channels last, traced and frozen, and optimised for inference."""
    eager = net.eval()
    to_last = lambda x: x.contiguous(memory_format=torch.channels_last)
    last = make().eval().to(memory_format=torch.channels_last)
    traced = torch.jit.freeze(torch.jit.trace(eager, (x, t), check_trace=False))
    traced_last = torch.jit.freeze(torch.jit.trace(last, (to_last(x), t), check_trace=False))
    optimised = torch.jit.optimize_for_inference(torch.jit.trace(eager, (x, t), check_trace=False))
    return {
        "eager": eager,
        "channels last": lambda x, t: last(to_last(x), t),
        "traced": traced,
        "traced, channels last": lambda x, t: traced_last(to_last(x), t),
        "optimize_for_inference": optimised,
    }


def bound(ways, x, t):
    return {name: (lambda run=run: run(x, t)) for name, run in ways.items()}


def inputs(shape, batch):
    """x of unit size, and a time label that every kind of embedding takes."""
    generator = np.random.default_rng(batch)
    return generator.standard_normal((batch, *shape)), np.full(batch, 0.7)


def errors(net, make, engine, x, label):
    """Largest difference from PyTorch in float64, of the engine and of PyTorch in float32; the output's rms."""
    x, label = x[:4], label[:4]
    with torch.no_grad():
        exact = make().double()(torch.tensor(x), torch.tensor(label)).numpy()
        single = net(torch.tensor(x, dtype=torch.float32), torch.tensor(label, dtype=torch.float32)).numpy()
    return {
        "engine": float(abs(engine(np.ascontiguousarray(x), label) - exact).max()),
        "torch": float(abs(single - exact).max()),
        "rms": float(np.sqrt((exact**2).mean())),
    }


def compare(library, name, batches, threads, rounds, seconds):
    preset, sde, settings, shape = NETWORKS[name]
    engine = Engine(library, preset, sde, settings, shape, threads)
    make = lambda: GraphNet(engine.graph, engine.weights())
    net = make()
    flop = 2 * engine.graph["multiply_adds"]
    rows = []
    for batch in batches:
        x, label = inputs(shape, batch)
        tensor_x, tensor_t = torch.tensor(x, dtype=torch.float32), torch.tensor(label, dtype=torch.float32)
        peak = library.peak(threads)
        with torch.no_grad():
            ways = bound(modes(net, make, tensor_x, tensor_t), tensor_x, tensor_t)
            contestants = {"engine": lambda: engine(x, label), **ways}
            row = verdict(contest(contestants, rounds, seconds, warm=1 if flop * batch > 1e11 else 2))
        peak = max(peak, library.peak(threads))
        row.update(network=name, batch=batch, flop=flop * batch, peak=peak, error=errors(net, make, engine, x, label))
        row["peak_share"] = {n: flop * batch / time / peak for n, time in row["minimum"].items()}
        rows.append(row)
        yield row
    engine.close()
