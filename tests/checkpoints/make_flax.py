"""Writes ncsnpp_ve_tiny.flax: the weights of ncsnpp_ve_tiny_legacy.pth as score_sde's JAX code would save them, after the
description of its State (models/utils.py) and of flax.serialization.to_bytes. JAX itself is not needed: modules are
numbered by class in the order in which models/ncsnpp.py makes them for this configuration, written down here by hand."""
import os
import struct

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
ORDER = ["GaussianFourierProjection_0", "Dense_0", "Dense_1", "Conv_0", "ResnetBlockBigGANpp_0", "ResnetBlockBigGANpp_1",
         "Downsample_0", "ResnetBlockBigGANpp_2", "AttnBlockpp_0", "ResnetBlockBigGANpp_3", "AttnBlockpp_1",
         "ResnetBlockBigGANpp_4", "ResnetBlockBigGANpp_5", "ResnetBlockBigGANpp_6", "AttnBlockpp_2",
         "ResnetBlockBigGANpp_7", "ResnetBlockBigGANpp_8", "ResnetBlockBigGANpp_9", "GroupNorm_0", "Conv_1"]


def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, int):
        return struct.pack(">Bq", 0xD3, value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, str):
        data = value.encode()
        return struct.pack("B", 0xA0 | len(data)) + data if len(data) < 32 else struct.pack(">BB", 0xD9, len(data)) + data
    if isinstance(value, dict):
        head = struct.pack("B", 0x80 | len(value)) if len(value) < 16 else struct.pack(">BH", 0xDE, len(value))
        return head + b"".join(pack(key) + pack(item) for key, item in value.items())
    name = str(value.dtype).removeprefix("torch.").encode()
    data = value.contiguous().numpy().tobytes()
    shape = struct.pack("B", 0x90 | value.dim()) + b"".join(struct.pack(">BH", 0xCD, n) for n in value.shape)
    body = b"\x93" + shape + struct.pack("B", 0xA0 | len(name)) + name + struct.pack(">BI", 0xC6, len(data)) + data
    return struct.pack(">BIb", 0xC9, len(body), 1) + body


def flax_parameter(module, name, value):
    if name == "W" or name.startswith("NIN_") or name.endswith("bias"):
        return name, value
    head, _, _ = name.rpartition("weight")
    if value.dim() == 4:
        return head + ("weight" if "Conv2d_0" in name else "kernel"), value.permute(2, 3, 1, 0)
    if value.dim() == 2:
        return head + "kernel", value.t()
    return head + "scale", value


def params(named):
    tree = {}
    for name, value in named:
        _, number, rest = name.removeprefix("module.").split(".", 2)
        path, value = flax_parameter(ORDER[int(number)], rest, value)
        place = tree.setdefault(ORDER[int(number)], {})
        *tables, last = path.split(".")
        for table in tables:
            place = place.setdefault(table, {})
        place[last] = value
    return dict(sorted(tree.items()))


def main():
    checkpoint = torch.load(os.path.join(HERE, "ncsnpp_ve_tiny_legacy.pth"))
    raw = [(name, value) for name, value in checkpoint["model"].items() if name != "module.sigmas"]
    shadow = iter(checkpoint["ema"]["shadow_params"])
    average = [(name, value if name.endswith(".W") and "NIN" not in name else next(shadow)) for name, value in raw]
    state = {"step": 3, "optimizer": {"target": params(raw), "state": {"step": 3}}, "lr": 2e-4, "model_state": {},
             "ema_rate": 0.999, "params_ema": params(average), "rng": torch.tensor([1, 2], dtype=torch.int32)}
    with open(os.path.join(HERE, "ncsnpp_ve_tiny.flax"), "wb") as out:
        out.write(pack(state))


main()
