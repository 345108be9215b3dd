#!/usr/bin/env python3
"""The engine beside PyTorch, in one process, in turns: see docs/benchmarks.md.

  python3 bench/peers.py --build build/bench --networks small32 --batches 1,16 --rounds 9
"""
import argparse
import json
import pathlib
import sys

try:
    import numpy
    import torch
except ImportError:
    print("peers.py: skipped, because there is no PyTorch here (Debian: apt install python3-torch python3-numpy)")
    sys.exit(0)

import forward
from engine import Library
from networks import NETWORKS


def show(row):
    best = row["best"]
    print(f"{row['network']:8s} batch {row['batch']:2d}  {row['ratio']:5.2f} x {best} ({row['ratio_of_minima']:.2f} by "
          f"minima, {row['rounds']} rounds); {100 * row['peak_share']['engine']:.0f} % of the FMA peak "
          f"(PyTorch {100 * row['peak_share'][best]:.0f} %)")
    for name, value in row["median"].items():
        print(f"    {name:24s} {1e3 * value:9.2f} ms median  {1e3 * row['minimum'][name]:9.2f} ms least")
    error = row["error"]
    print(f"    largest error {error['engine']:.1e} (PyTorch float32 {error['torch']:.1e}; output rms {error['rms']:.2f})")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/bench", help="folder with libscoresde_bench.so")
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--batches", default="1,4,16")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=40, help="at most, a network and batch; never under 3 rounds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", help="write all numbers here")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    library = Library(pathlib.Path(flags.build).resolve() / "libscoresde_bench.so")
    print(f"PyTorch {torch.__version__}, {flags.threads} threads, {library.target()}, FMA peak "
          f"{library.peak(flags.threads) / 1e9:.0f} GFLOP/s")
    rows = []
    for name in flags.networks.split(","):
        batches = [int(b) for b in flags.batches.split(",")]
        for row in forward.compare(library, name, batches, flags.threads, flags.rounds, flags.seconds):
            show(row)
            rows.append(row)
    if flags.json:
        pathlib.Path(flags.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
