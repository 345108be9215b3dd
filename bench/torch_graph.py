"""A network of ScoreSDE (`scoresde export RUN --out net.json`) in PyTorch, op by op; tracing removes this interpreter."""
import math

import torch
import torch.nn.functional as F


def per_pixel(x):
    return x[:, :, None, None]


def conv(node, x, weight, bias=None):
    before, after = node.get("padding", 0), node.get("padding_after", 0)
    if before != after:
        x, before = F.pad(x, (before, after, before, after)), 0
    return F.conv2d(x, weight, bias, node.get("stride", 1), before, node.get("dilation", 1))


def fir(node, x, kernel):
    """Zeros put in, a depthwise convolution, every `stride`-th value kept (upfirdn2d)."""
    up, before, after = node.get("up", 1), node.get("padding", 0), node.get("padding_after", 0)
    b, c, h, w = x.shape
    if up > 1:
        x = F.pad(x.reshape(b, c, h, 1, w, 1), (0, up - 1, 0, 0, 0, up - 1)).reshape(b, c, up * h, up * w)
    if before != after:
        x, before = F.pad(x, (before, after, before, after)), 0
    return F.conv2d(x, kernel, None, node.get("stride", 1), before, 1, c)


def add(node, a, b):
    total = a + (b if a.dim() == b.dim() else per_pixel(b))
    return total if node["scale"] == 1 else total * node["scale"]


def attention(node, q, k, v):
    heads, (channels, height, width) = node.get("heads", 1), node["shape"]
    depth = channels // heads
    q, k, v = (x.reshape(-1, depth, height * width) for x in (q, k, v))
    weights = torch.softmax(torch.bmm(q.transpose(1, 2) * depth**-0.5, k), -1)
    return torch.bmm(v, weights.transpose(1, 2)).reshape(-1, channels, height, width)


def label(node, t):
    return (t.log() if node.get("log") else t) * node["scale"] + node.get("offset", 0)


def sin_cos(angle):
    return torch.cat([angle.sin(), angle.cos()], 1)


def positional(node, t):
    half = node["shape"][0] // 2
    frequencies = [math.exp(-math.log(node["scale"]) * i / max(half - 1, 1)) for i in range(half)]
    features = sin_cos(t[:, None] * torch.tensor(frequencies, dtype=t.dtype))
    return F.pad(features, (0, node["shape"][0] % 2))


def group_norm(node, x, weight, bias):
    return F.group_norm(x, node.get("groups", 1), weight, bias, node["scale"])


OPS = {
    "conv": conv,
    "nin": lambda node, x, weight, bias: F.conv2d(x, weight, bias),
    "linear": lambda node, x, weight, bias: F.linear(x, weight, bias),
    "group_norm": group_norm,
    "silu": lambda node, x: F.silu(x),
    "elu": lambda node, x: F.elu(x),
    "leaky_relu": lambda node, x: F.leaky_relu(x, node["scale"]),
    "add": add,
    "concat": lambda node, a, b: torch.cat([a, b], 1),
    "attention": attention,
    "upsample": lambda node, x: F.interpolate(x, size=node["shape"][1:], mode="nearest"),
    "downsample": lambda node, x: F.avg_pool2d(x, 2, 2, 0, ceil_mode=True),
    "fir": fir,
    "global_mean": lambda node, x: x.mean((2, 3)),
    "divide_exp": lambda node, x, s: x * torch.exp(-s).reshape(-1, *[1] * (x.dim() - 1)),
    "fourier": lambda node, t, frequencies: sin_cos(t[:, None] * (2 * math.pi * frequencies)),
    "positional": positional,
    "label": label,
    "dropout": lambda node, x: F.dropout(x, node["scale"]) if node.get("training") else x,
    "space_to_depth": lambda node, x: F.pixel_unshuffle(x, node["patch"]),
    "depth_to_space": lambda node, x: F.pixel_shuffle(x, node["patch"]),
}


class GraphNet(torch.nn.Module):
    """weights: one array a parameter of the graph. forward(x, label) gives the raw output."""

    def __init__(self, graph, weights):
        super().__init__()
        self.nodes = [dict({"scale": 1}, **node) for node in graph["nodes"]]
        unknown = {node["kind"] for node in self.nodes} - set(OPS) - {"input"}
        if unknown:
            raise SystemExit(f"peers.py does not know the ops {sorted(unknown)}")
        self.weights = torch.nn.ParameterList(torch.nn.Parameter(torch.tensor(w)) for w in weights)
        self.last = [max([i] + [j for j, n in enumerate(self.nodes) if i in n.get("inputs", [])])
                     for i in range(len(self.nodes))]
        for node in self.nodes:
            if node["kind"] == "nin":
                weight = self.weights[node["parameters"][0]]
                weight.data = weight.data.t()[:, :, None, None].contiguous()
            elif node["kind"] == "fir":
                line = torch.tensor(node["taps"][::-1], dtype=torch.float32)
                kernel = torch.outer(line, line).expand(node["shape"][0], 1, -1, -1).contiguous()
                node["parameters"] = [len(self.weights)]
                self.weights.append(torch.nn.Parameter(kernel, requires_grad=False))

    def forward(self, x, t):
        values = [x]
        for i, node in enumerate(self.nodes[1:], 1):
            inputs = [t] if node["kind"] == "label" else [values[j] for j in node.get("inputs", [])]
            node["training"] = self.training
            values.append(OPS[node["kind"]](node, *inputs, *(self.weights[j] for j in node.get("parameters", []))))
            for j in node.get("inputs", []):
                if self.last[j] == i:
                    values[j] = None
        return values[-1]
