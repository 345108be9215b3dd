"""What peers.py prints, and the tables of docs/benchmarks.md."""
import datetime
import platform
import re

import torch

TITLES = {
    "forward": "One evaluation",
    "sampling": "Whole sampling",
    "training": "A training step",
    "start": "From the command to the first image",
    "memory": "Peak memory of sampling",
    "growth": "Cost a sample",
}


def machine(library, threads):
    with open("/proc/cpuinfo") as file:
        names = re.findall(r"model name\s*: (.*)", file.read())
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": names[0] if names else platform.processor(),
        "threads": threads,
        "vectors": library.target(),
        "peak": library.peak(threads),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def heading(m):
    return (f"{m['date']}: {m['cpu']}, {m['threads']} threads, {m['vectors']}, FMA peak {m['peak'] / 1e9:.0f} GFLOP/s; "
            f"PyTorch {m['torch']}, Python {m['python']}.")


def percent(value):
    return f"{100 * value:.0f} %"


def milliseconds(row, name):
    return f"{1e3 * row['median'][name]:.1f}", f"{1e3 * row['minimum'][name]:.1f}"


def timed(row, what):
    """The cells that every comparison of times has."""
    return [*what, f"{row['ratio']:.2f}", f"{row['ratio_of_minima']:.2f}", *milliseconds(row, "engine"), row["best"],
            *milliseconds(row, row["best"])]


TIMED = ["ratio", "of minima", "ms", "least", "PyTorch's best", "ms", "least"]
COLUMNS = {
    "forward": ["network", "batch", *TIMED, "FMA peak", "PyTorch", "error", "PyTorch"],
    "sampling": ["network", "samples", "NFE", *TIMED, "difference"],
    "training": ["network", "batch", *TIMED],
    "start": ["network", "NFE", "seconds", "least"],
    "memory": ["network", "samples", "MB", "PyTorch MB", "share"],
    "growth": ["samples", "ms a sample"],
}


def cells(part, row):
    if part == "forward":
        error, share = row["error"], row["peak_share"]
        return [timed(row, [row["network"], str(row["batch"])]) +
                [percent(share["engine"]), percent(share[row["best"]]), f"{error['engine']:.0e}", f"{error['torch']:.0e}"]]
    if part == "sampling":
        return [timed(row, [row["network"], str(row["samples"]), str(row["nfe"])]) + [f"{row['difference']:.0e}"]]
    if part == "training":
        return [timed(row, [row["network"], str(row["batch"])])]
    if part == "start":
        return [[row["network"], str(row["nfe"]), f"{row['median']:.3f}", f"{row['minimum']:.3f}"]]
    if part == "memory":
        return [[row["network"], str(row["samples"]), f"{row['engine'] / 1e6:.0f}", f"{row['torch'] / 1e6:.0f}",
                 percent(row["share"])]]
    return [[name, f"{1e3 * seconds:.2f}"] for name, seconds in row["seconds_a_sample"].items()]


def line(part, row):
    """For the terminal."""
    labels = COLUMNS[part]
    text = "\n".join("  ".join(f"{label} {cell}" for label, cell in zip(labels, c)) for c in cells(part, row))
    if "median" in row and isinstance(row["median"], dict):
        others = ", ".join(f"{name} {1e3 * value:.1f}" for name, value in row["median"].items())
        text += f"\n    {row['rounds']} rounds, medians in ms: {others}"
    return f"{part}: {text}"


def markdown(result):
    parts = [heading(result["machine"])]
    for part, title in TITLES.items():
        if part not in result:
            continue
        rows = [c for row in result[part] for c in cells(part, row)]
        table = [COLUMNS[part], ["---"] * len(COLUMNS[part]), *rows]
        parts.append(f"### {title}\n\n" + "\n".join("| " + " | ".join(cells) + " |" for cells in table))
    return "\n\n".join(parts)


BEGIN, END = "<!-- tables of bench/peers.py -->", "<!-- end of tables -->"


def replace(path, result):
    """The text between the two marks of a document."""
    before, _, rest = path.read_text().partition(BEGIN)
    path.write_text(before + BEGIN + "\n\n" + markdown(result) + "\n\n" + END + rest.partition(END)[2])
