"""JAX's scans behind a pipe: `scan.py` runs this with a peer's own Python and asks for one timing a line.

Reads JSON lists [name, batch, frames, width, gradients, calls], answers the seconds a call or an error.
"""

import ctypes
import functools
import json
import os
import sys
import time

THREADS = int(sys.argv[1])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # before JAX counts them
CLOCK = time.process_time if THREADS == 1 else time.perf_counter
ctypes.CDLL(None).mallopt(-4, 0)  # as in scan.py: memory stays with the process
ctypes.CDLL(None).mallopt(-1, 2**31 - 1)

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax  # noqa: E402


def associative(a, x, h):
    def combine(left, right):
        return left[0] * right[0], left[1] * right[0] + right[1]

    x = x.at[:, 0].add(a[:, 0] * h)
    return lax.associative_scan(combine, (a, x), axis=1)[1]


def in_turn(a, x, h):
    def step(h, frame):
        h = frame[0] * h + frame[1]
        return h, h

    frames = (a.swapaxes(0, 1), x.swapaxes(0, 1))
    return lax.scan(step, h, frames)[1].swapaxes(0, 1)


SCANS = {"JAX associative_scan": associative, "JAX lax.scan": in_turn}


def with_gradients(scan, a, x, h, grad):
    y, pull = jax.vjp(scan, a, x, h)
    return y, *pull(grad)


@functools.lru_cache(1)
def arguments(batch, frames, width):
    rng = np.random.default_rng(0)
    a, x, grad = (rng.normal(size=(batch, frames, width)).astype(np.float32) for _ in range(3))
    h = rng.normal(size=(batch, width)).astype(np.float32)
    return [jax.numpy.asarray(v) for v in (1 / (1 + np.exp(-a)), x, h, grad)]


@functools.cache
def compiled(name, gradients):
    scan = SCANS[name]
    return jax.jit(functools.partial(with_gradients, scan) if gradients else scan)


def call(name, batch, frames, width, gradients, calls):
    values = arguments(batch, frames, width)
    values = values if gradients else values[:3]
    run = compiled(name, gradients)
    begin = CLOCK()
    for _ in range(calls):
        jax.block_until_ready(run(*values))
    return (CLOCK() - begin) / calls


def check(name):
    """Largest difference from the definition in double precision, outputs and gradients."""
    values = arguments(2, 37, 5)
    found = compiled(name, True)(*values)
    with jax.enable_x64():
        exact = with_gradients(in_turn, *(jax.numpy.asarray(np.float64(v)) for v in values))
        pairs = [(np.float64(one), np.asarray(other)) for one, other in zip(found, exact, strict=True)]
    return max(float(abs(one - other).max() / abs(other).max()) for one, other in pairs)


def answer(request):
    return check(request[1]) if request[0] == "check" else call(*request)


print(json.dumps({"jax": jax.__version__}), flush=True)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
