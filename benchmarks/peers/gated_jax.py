"""LSTM and GRU by JAX's scan behind a pipe: `gated_jax.py` beside it runs this with a peer's own Python.

Reads JSON lists [cell, hidden, batch, frames, gradients, calls], answers the seconds a call and the sum of
the outputs.
"""

import functools
import json
import os
import sys
import time

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])  # before JAX counts them

import jax  # noqa: E402
import numpy as np  # noqa: E402
from jax import lax  # noqa: E402
from jax import numpy as jnp  # noqa: E402

GATES = {"lstm": 4, "gru": 3}


def values(cell, hidden, batch, frames):
    """Weights and frames: drawn alike on both sides of the pipe."""
    rng, gates = np.random.default_rng(0), GATES[cell]
    shapes = [(gates * hidden, hidden), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)]
    weights = [(rng.normal(size=shape) / hidden**0.5).astype(np.float32) for shape in shapes]
    return [*weights, rng.normal(size=(batch, frames, hidden)).astype(np.float32)]


def lstm(w_h, b_h, state, a):
    h, c = state
    i, f, g, o = jnp.split(a + h @ w_h.T + b_h, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def gru(w_h, b_h, state, a):
    (h,) = state
    (r, z, n), (u_r, u_z, u_n) = jnp.split(a, 3, -1), jnp.split(h @ w_h.T + b_h, 3, -1)
    z, n = jax.nn.sigmoid(z + u_z), jnp.tanh(n + jax.nn.sigmoid(r + u_r) * u_n)
    h = (1 - z) * n + z * h
    return (h,), h


STEPS = {"lstm": (lstm, 2), "gru": (gru, 1)}


def scanned(cell, w_x, w_h, b_x, b_h, x):
    step, num_states = STEPS[cell]
    state = (jnp.zeros((x.shape[0], w_h.shape[1])),) * num_states
    frames = (x @ w_x.T + b_x).swapaxes(0, 1)
    return lax.scan(functools.partial(step, w_h, b_h), state, frames)[1].swapaxes(0, 1)


@functools.cache
def compiled(cell, gradients):
    run = functools.partial(scanned, cell)
    total = jax.value_and_grad(lambda *values: run(*values).sum(), argnums=tuple(range(5)))
    return jax.jit(total if gradients else run)


def answer(cell, hidden, batch, frames, gradients, calls):
    given = [jnp.asarray(v) for v in values(cell, hidden, batch, frames)]
    run = compiled(cell, gradients)
    found = jax.block_until_ready(run(*given))
    begin = time.process_time()
    for _ in range(calls):
        jax.block_until_ready(run(*given))
    seconds = (time.process_time() - begin) / calls
    return seconds, float(found[0] if gradients else found.sum())


if __name__ == "__main__":
    print(json.dumps({"jax": jax.__version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(*json.loads(line))), flush=True)
