"""A training step (forward, backward, clipping, Adam, moving average) of the program and of plain PyTorch."""
import copy
import ctypes
import json

import torch
import torch.nn.functional as F

from contest import contest, verdict
from engine import Engine
from networks import NETWORKS
from torch_graph import GraphNet


class Ours:
    def __init__(self, path, preset, sde, net, shape, batch, threads):
        self.c = ctypes.CDLL(str(path))
        self.c.bench_training.restype = ctypes.c_void_p
        self.c.bench_training_step.restype = ctypes.c_double
        self.c.bench_training_step.argtypes = self.c.bench_training_close.argtypes = [ctypes.c_void_p]
        config = json.dumps({"sde": sde, "net": net, "batch": batch}).encode()
        self.handle = self.c.bench_training(preset.encode(), config, (ctypes.c_int * 3)(*shape), threads)
        if self.handle is None:
            raise SystemExit("training: the step could not be made")

    def __call__(self):
        return self.c.bench_training_step(self.handle)

    def close(self):
        self.c.bench_training_close(self.handle)


class Torch:
    """Denoising score matching with the edm parametrisation: sigma log-normal, target and weight of Karras et al."""

    def __init__(self, net, shape, batch, channels_last):
        self.form = torch.channels_last if channels_last else torch.contiguous_format
        self.net = net.train().to(memory_format=self.form)
        self.average = copy.deepcopy(self.net)
        self.adam = torch.optim.Adam([p for p in self.net.parameters() if p.requires_grad], 1e-3, (0.9, 0.99))
        self.images = torch.rand(4 * batch, *shape) * 2 - 1
        self.batch = batch

    def __call__(self):
        index = torch.randint(len(self.images), (self.batch,))
        x0, z = self.images[index].contiguous(memory_format=self.form), torch.randn(self.batch, *self.images.shape[1:])
        sigma = torch.exp(1.2 * torch.randn(self.batch) - 1.2)[:, None, None, None]
        m = (sigma**2 + 0.25).sqrt()
        output = self.net((x0 + sigma * z) / m, sigma.flatten().log() / 4)
        loss = F.mse_loss(output, (sigma * x0 / 0.5 - 0.5 * z) / m)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.adam.step()
        with torch.no_grad():
            for a, p in zip(self.average.parameters(), self.net.parameters()):
                a.lerp_(p, 0.001)


def compare(library, path, name, batch, threads, rounds, seconds, dropout=0.1):
    preset, sde, settings, shape = NETWORKS[name]
    settings = dict(settings, dropout=dropout)
    engine = Engine(library, preset, sde, settings, shape, threads)
    make = lambda: GraphNet(engine.graph, engine.weights())
    ours = Ours(path, preset, sde, settings, shape, batch, threads)
    row = verdict(contest({
        "engine": ours,
        "eager": Torch(make(), shape, batch, False),
        "channels last": Torch(make(), shape, batch, True),
    }, rounds, seconds, warm=1))
    ours.close()
    engine.close()
    row.update(network=name, batch=batch, dropout=dropout)
    return row
