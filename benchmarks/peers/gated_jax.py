"""Jitted `lax.scan` of JAX behind a pipe."""

import functools
import itertools

from gated_pipe import numbers, serve  # first: it chooses the processors

import jax  # isort: skip
from jax import lax  # isort: skip
from jax import numpy as jnp  # isort: skip
import numpy as np  # isort: skip


def lstm(w, b, state, a):
    h, c = state
    i, f, g, o = jnp.split(a + h @ w + b, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def gru(w, b, state, a):
    (h,) = state
    (r, z, n), (u_r, u_z, u_n) = jnp.split(a, 3, -1), jnp.split(h @ w + b, 3, -1)
    z, n = jax.nn.sigmoid(z + u_z), jnp.tanh(n + jax.nn.sigmoid(r + u_r) * u_n)
    h = (1 - z) * n + z * h
    return (h,), h


def rnn(w, b, state, a):
    h = jnp.tanh(a + state[0] @ w + b)
    return (h,), h


STEPS = {"lstm": (lstm, 2), "gru": (gru, 1), "rnn": (rnn, 1)}


def scan(cell, early, unroll, w_x, w_h, b_x, b_h, x):
    """Project the inputs `early`, in one product for all frames, or each within its step."""
    step, num_states = STEPS[cell]
    state, frames = (jnp.zeros((len(x), len(w_h))),) * num_states, x.swapaxes(0, 1)

    def project(x):
        return x @ w_x + b_x

    def advance(state, x_t):
        return step(w_h, b_h, state, x_t if early else project(x_t))

    frames = project(frames) if early else frames
    return lax.scan(advance, state, frames, unroll=unroll)[1].swapaxes(0, 1)


def jitted(forward, arguments, grad):
    """Return what calls it and, where the gradient of its output is given, passes that back."""

    def both(grad, *arguments):
        y, pull = jax.vjp(forward, *arguments)
        return y, *pull(grad)

    run = jax.jit(lambda *arguments: (forward(*arguments),) if grad is None else both(grad, *arguments))
    return lambda: jax.block_until_ready(run(*arguments))


def prepare(gradients, cell, *sizes):
    w_x, w_h, b_x, b_h, x, grad = numbers(cell, *sizes)
    # Weights with the inputs in rows: in torch's layout a scan is up to six times as slow.
    arguments = [jnp.asarray(v) for v in (w_x.T, w_h.T, b_x, b_h, x)]
    grad = jnp.asarray(grad) if gradients else None
    unrolls = (1, 4) if len(x) == 1 else (1,)  # with more rows it never paid
    ways = [
        jitted(functools.partial(scan, cell, early, unroll), arguments, grad)
        for early, unroll in itertools.product((False, True), unrolls)
    ]
    return ways, lambda result: [np.asarray(v).T if v.ndim == 2 else np.asarray(v) for v in result]


if __name__ == "__main__":
    serve(prepare, jax=jax.__version__)
