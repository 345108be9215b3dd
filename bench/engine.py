"""The engine in this process: libscoresde_bench (bench/engine_c.h) by ctypes, arrays of numpy in and out."""
import ctypes
import json

import numpy as np


class Library:
    def __init__(self, path):
        self.c = ctypes.CDLL(str(path))
        pointer, text, real = ctypes.c_void_p, ctypes.c_char_p, np.ctypeslib.ndpointer(np.float64, flags="C")
        integer, wide = ctypes.c_int, ctypes.c_ulonglong
        for name, result, arguments in [
            ("bench_error", text, []),
            ("bench_make", pointer, [text, text, text, ctypes.POINTER(integer), wide]),
            ("bench_open", pointer, [text]),
            ("bench_save", integer, [pointer, text]),
            ("bench_close", None, [pointer]),
            ("bench_graph", text, [pointer]),
            ("bench_weight", ctypes.POINTER(ctypes.c_float), [pointer, integer]),
            ("bench_compile", integer, [pointer, integer]),
            ("bench_evaluate", integer, [pointer, integer, real, real, real]),
            ("bench_schedule", integer, [pointer, text, integer, real]),
            ("bench_prior", integer, [pointer, integer, wide, real]),
            ("bench_sample", integer, [pointer, text, integer, integer, wide, real]),
            ("bench_fma_peak", ctypes.c_double, [integer]),
            ("bench_target", text, []),
        ]:
            function = getattr(self.c, name)
            function.restype, function.argtypes = result, arguments

    def check(self, result):
        if result is None or result == 1:
            raise SystemExit("engine: " + self.c.bench_error().decode())
        return result

    def peak(self, threads):
        return self.c.bench_fma_peak(threads)

    def target(self):
        return self.c.bench_target().decode()


class Engine:
    """A network with seeded weights, compiled for `threads` threads."""

    def __init__(self, library, preset, sde, net, shape, threads, seed=1):
        self.library, self.c = library, library.c
        text = lambda value: json.dumps(value).encode()
        self.handle = library.check(
            self.c.bench_make(preset.encode(), text(sde), text(net), (ctypes.c_int * 3)(*shape), seed))
        library.check(self.c.bench_compile(self.handle, threads))
        self.graph = json.loads(self.c.bench_graph(self.handle))
        self.shape = shape

    def weights(self):
        return [np.ctypeslib.as_array(self.c.bench_weight(self.handle, i), p["shape"]).copy()
                for i, p in enumerate(self.graph["parameters"])]

    def __call__(self, x, label):
        y = np.empty(x.shape)
        self.library.check(self.c.bench_evaluate(self.handle, len(x), x, label, y))
        return y

    def schedule(self, solver, nfe):
        rows = np.empty((nfe, 6))
        self.library.check(self.c.bench_schedule(self.handle, solver.encode(), nfe, rows))
        return rows

    def prior(self, rows, first=0):
        x = np.empty((rows, *self.shape))
        self.library.check(self.c.bench_prior(self.handle, rows, first, x))
        return x

    def sample(self, solver, rows, nfe, first=0):
        y = np.empty((rows, *self.shape))
        self.library.check(self.c.bench_sample(self.handle, solver.encode(), rows, nfe, first, y))
        return y

    def save(self, path):
        self.library.check(self.c.bench_save(self.handle, str(path).encode()))

    def close(self):
        self.c.bench_close(self.handle)
