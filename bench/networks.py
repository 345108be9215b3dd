"""The networks that are compared: name, preset, settings over it, shape of a sample."""
SMALL = {"name": "unet", "blocks": 2, "channel_mult": [1, 2, 2], "attention": [7], "prediction": "edm"}

NETWORKS = {
    "ddpmpp": ("cifar10-ddpmpp-vp", {}, {}, (3, 32, 32)),
    "ncsnpp": ("cifar10-ncsnpp-ve", {}, {}, (3, 32, 32)),
    "small32": ("", {"name": "vp"}, dict(SMALL, channels=32), (1, 28, 28)),
    "small64": ("", {"name": "vp"}, dict(SMALL, channels=64), (1, 28, 28)),
}
