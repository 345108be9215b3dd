"""What only whole processes show: time from command to first image, and peak memory."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from engine import Engine
from networks import NETWORKS


def succeeded(child, command):
    if child.wait() != 0:
        raise SystemExit("failed: " + " ".join(map(str, command)))


def seconds_of(command):
    begin = time.perf_counter()
    succeeded(subprocess.Popen(command, stdout=subprocess.DEVNULL), command)
    return time.perf_counter() - begin


def peak_bytes(command):
    """Looked up while it runs: the maximum that wait4 tells has the memory of this process in it, from before exec."""
    child, peak = subprocess.Popen(command, stdout=subprocess.DEVNULL), 0
    while child.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
            peak = max(peak, 1024 * int(status.partition("VmHWM:")[2].split()[0]))
        except (OSError, IndexError):
            pass  # it has just ended
        time.sleep(0.005)
    succeeded(child, command)
    return peak


def saved(library, name, folder):
    preset, sde, settings, shape = NETWORKS[name]
    engine = Engine(library, preset, sde, settings, shape, 1)
    model = folder / f"{name}.safetensors"
    engine.save(model)
    (folder / f"{name}.json").write_text(json.dumps(
        {"graph": engine.graph, "shape": shape, "schedule": engine.schedule("dpm++2m", 4).tolist()}))
    engine.close()
    return model


def first_image(library, program, name="small32", nfe=10, runs=9):
    with tempfile.TemporaryDirectory() as folder:
        model = saved(library, name, pathlib.Path(folder))
        command = [program, "sample", model, "--out", f"{folder}/x.png", "-n", "1", "--nfe", str(nfe), "--quiet",
                   "--force"]
        seconds = [seconds_of(command) for _ in range(runs)]
    return {"network": name, "nfe": nfe, "median": statistics.median(seconds), "minimum": min(seconds)}


def memory(library, program, name, samples):
    """Both draw `samples` in 4 evaluations; whole processes, interpreter and libraries included."""
    with tempfile.TemporaryDirectory() as folder:
        model = saved(library, name, pathlib.Path(folder))
        ours = peak_bytes([program, "sample", model, "--out", f"{folder}/x.npy", "-n", str(samples), "--nfe", "4",
                           "--quiet"])
        theirs = peak_bytes([sys.executable, __file__, model, model.with_suffix(".json"), str(samples)])
    return {"network": name, "samples": samples, "engine": ours, "torch": theirs, "share": ours / theirs}


def read_weights(path, names):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        start = file.tell()
        for name in names:
            begin, end = header[name]["data_offsets"]
            file.seek(start + begin)
            yield np.frombuffer(file.read(end - begin), np.float32).reshape(header[name]["shape"])


def torch_child(model, description, samples):
    import torch
    from sampling import torch_loop
    from torch_graph import GraphNet
    torch.set_num_threads(os.cpu_count())
    what = json.loads(pathlib.Path(description).read_text())
    net = GraphNet(what["graph"], read_weights(model, [p["name"] for p in what["graph"]["parameters"]])).eval()
    with torch.no_grad():
        torch_loop(net, what["schedule"], torch.randn(samples, *what["shape"]))


if __name__ == "__main__":
    torch_child(sys.argv[1], sys.argv[2], int(sys.argv[3]))
