#!/usr/bin/python3
"""The engine beside PyTorch, in one process, in turns: docs/benchmarks.md says what is measured.

  /usr/bin/python3 bench/peers.py --markdown docs/benchmarks.md       everything, 20 minutes
  /usr/bin/python3 bench/peers.py --quick                             two minutes
  /usr/bin/python3 bench/peers.py --parts forward --networks small32 --batches 1,16 --rounds 9
"""
import argparse
import json
import os
import pathlib
import sys

try:
    import numpy
    import torch
except ImportError:
    print("peers.py: skipped, because this Python has no PyTorch (Debian: apt install python3-torch python3-numpy)")
    sys.exit(0)

import forward
import process
import sampling
import tables
import training
from engine import Library
from networks import NETWORKS

PARTS = "start,memory,forward,sampling,growth,training".split(",")
SMALL = [name for name in NETWORKS if name.startswith("small")]


class Comparison:
    def __init__(self, flags):
        self.flags, self.build = flags, pathlib.Path(flags.build).resolve()
        self.library = Library(self.build / "libscoresde_bench.so")
        self.threads, self.quick = flags.threads, flags.quick
        self.result = {"machine": tables.machine(self.library, self.threads)}

    def networks(self, usual):
        return self.flags.networks or usual

    def keep(self, part, row):
        self.result.setdefault(part, []).append(row)
        print(tables.line(part, row), flush=True)
        if self.flags.json:
            pathlib.Path(self.flags.json).write_text(json.dumps(self.result, indent=1))

    def forward(self):
        seconds = 3 if self.quick else self.flags.seconds
        for name in self.networks(["ddpmpp", "small32"] if self.quick else NETWORKS):
            batches = [4] if self.quick and name not in SMALL else self.flags.batches
            for row in forward.compare(self.library, name, batches, self.threads, self.flags.rounds, seconds):
                self.keep("forward", row)

    def sampling(self):
        for name in self.networks(SMALL[:1] if self.quick else SMALL):
            rounds = 3 if name == SMALL[0] and not self.quick else 1
            self.keep("sampling", sampling.compare(self.library, name, 64, 20, self.threads, rounds))

    def growth(self):
        self.keep("growth", sampling.growth(self.library, "small32", 5, self.threads))

    def training(self):
        path = self.build / "libscoresde_bench_training.so"
        for name in self.networks(SMALL[:1] if self.quick else [*SMALL, "ddpmpp"]):
            large = [(16, 3)]  # of DDPM++ a batch of 64 takes minutes a round
            for batch, rounds in large if name not in SMALL else [(64, 3)] if self.quick else [(64, 5), (128, 2)]:
                self.keep("training", training.compare(self.library, path, name, batch, self.threads, rounds, 25))

    def start(self):
        self.keep("start", process.first_image(self.library, self.build / "scoresde"))

    def memory(self):
        for name in self.networks(["small32"] if self.quick else ["small32", "ddpmpp"]):
            self.keep("memory", process.memory(self.library, self.build / "scoresde", name, 16))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = lambda text: text.split(",")
    parser.add_argument("--build", default="build/release", help="folder with the program and libscoresde_bench.so")
    parser.add_argument("--parts", type=words, default=PARTS, help=",".join(PARTS))
    parser.add_argument("--networks", type=words, help=",".join(NETWORKS))
    parser.add_argument("--batches", type=lambda text: [int(b) for b in text.split(",")], default=[1, 4, 16])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=15, help="a network and batch; never under 3 rounds")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--json", help="write all numbers here")
    parser.add_argument("--markdown", help="replace the tables in this file")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)  # Debian's PyTorch starts with half of the cores
    comparison = Comparison(flags)
    print(tables.heading(comparison.result["machine"]), flush=True)
    for part in flags.parts:
        getattr(comparison, part)()
    if flags.markdown:
        tables.replace(pathlib.Path(flags.markdown), comparison.result)


if __name__ == "__main__":
    main()
