"""Writes the seeds of the corpus: small checkpoints as PyTorch and flax.serialization make them. Needs PyTorch; msgpack is
written by hand, after the format's description. The tests do not need this file: what it wrote lies in corpus/."""
import io
import json
import os
import pickle
import struct
import zipfile

import torch

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def save(name, content):
    with open(os.path.join(HERE, name), "wb") as out:
        out.write(content)


def torch_bytes(value, legacy):
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=not legacy)
    return out.getvalue()


def pack(value):
    """msgpack of the values that flax.serialization.to_bytes writes."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return struct.pack(">Bq", 0xD3, value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, str):
        data = value.encode()
        return struct.pack(">BB", 0xD9, len(data)) + data
    if isinstance(value, dict):
        return struct.pack(">BH", 0xDE, len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())
    if isinstance(value, torch.Tensor):
        name = str(value.dtype).removeprefix("torch.").encode()
        data = bytes(value.contiguous().view(torch.uint8).numpy().tobytes()) if value.dim() else value.numpy().tobytes()
        shape = struct.pack(">BH", 0xDC, value.dim()) + b"".join(pack(n) for n in value.shape)
        body = b"\x93" + shape + struct.pack(">BB", 0xD9, len(name)) + name + struct.pack(">BI", 0xC6, len(data)) + data
        return struct.pack(">BIb", 0xC9, len(body), 1) + body
    raise TypeError(type(value))


def tensors():
    weight = torch.arange(6.0).reshape(2, 3)
    return {"w": weight, "t": weight.t(), "part": weight[1], "half": weight.half(), "bf": weight.bfloat16(),
            "n": torch.tensor(3), "b": torch.tensor([True, False]), "s": torch.tensor(1.5)}


def song():
    net = {"module.all_modules.0.W": torch.ones(4), "module.all_modules.1.weight": torch.ones(16, 8),
           "module.all_modules.3.weight": torch.ones(4, 3, 3, 3),
           "module.all_modules.4.Conv_0.weight": torch.ones(4, 4, 3, 3),
           "module.all_modules.4.Conv_1.weight": torch.ones(4, 4, 3, 3),
           "module.all_modules.4.Conv_2.weight": torch.ones(4, 4, 1, 1)}
    net = {k: v[..., :1, :1].clone() if v.dim() == 4 and "Conv_" in k else v for k, v in net.items()}
    return {"model": dict(net, **{"module.sigmas": torch.tensor([50.0, 0.01])}), "step": 3,
            "ema": {"decay": 0.9, "num_updates": 3, "shadow_params": list(net.values())[1:]}}


def main():
    for legacy in (False, True):
        kind = "legacy" if legacy else "zip"
        save(f"tensors_{kind}.pth", torch_bytes(tensors(), legacy))
        save(f"module_{kind}.pth", torch_bytes({"state_dict": torch.nn.Linear(2, 2).state_dict()}, legacy))
        save(f"song_{kind}.pth", torch_bytes(song(), legacy))
    with zipfile.ZipFile(io.BytesIO(torch_bytes(tensors(), False))) as archive:
        save("tensors.pickle", archive.read("archive/data.pkl"))
    with zipfile.ZipFile(io.BytesIO(torch_bytes(song(), False))) as archive:
        save("song.pickle", archive.read("archive/data.pkl"))
    for protocol in (2, 3, 4, 5):
        save(f"plain_{protocol}.pickle", pickle.dumps({"a": [1, -2, 3.5, None, True], "b": (b"x", "y" * 300, 2**70)}, protocol))
    params = {"Conv_0": {"kernel": torch.ones(3, 3, 3, 2), "bias": torch.zeros(2)},
              "ResnetBlockBigGANpp_0": {"Conv_0": {"kernel": torch.ones(1, 1, 2, 2)}, "Conv_1": {"kernel": torch.ones(1, 1, 2, 2)}}}
    save("flax.msgpack", pack({"step": 3, "params_ema": params, "optimizer": {"target": params, "state": {}}, "lr": 1e-3,
                               "rng": None}))
    header = json.dumps({"__metadata__": {"format": "pt"}, "w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
                         "h": {"dtype": "F16", "shape": [2], "data_offsets": [16, 20]}}).encode()
    save("plain.safetensors", struct.pack("<Q", len(header)) + header + bytes(20))


main()
