"""Layers of Keras on JAX behind a pipe, jitted whole: without `predict`, which costs more than they do."""

import os

from gated_pipe import numbers, reorder, serve  # first: it chooses the processors

os.environ["KERAS_BACKEND"] = "jax"
import jax  # isort: skip
import keras  # isort: skip
import numpy as np  # isort: skip
from gated_jax import jitted  # isort: skip

LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}
ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}  # its own inverse


def prepare(gradients, cell, *sizes):
    *weights, x, grad = numbers(cell, *sizes)
    w_x, w_h, b_x, b_h = (reorder(v, ORDER[cell]) for v in weights)
    layer = LAYERS[cell](sizes[0], return_sequences=True)
    layer.build(x.shape)
    bias = np.stack([b_x, b_h]) if cell == "gru" else b_x + b_h
    arguments = [jax.numpy.asarray(v) for v in (w_x.T, w_h.T, bias, x)]

    others = [v.value for v in layer.non_trainable_variables]

    def forward(*arguments):
        return layer.stateless_call(arguments[:3], others, arguments[3])[0]

    def arrays(result):
        if not gradients:
            return result
        y, w_x, w_h, bias, x = map(np.asarray, result)
        b_x, b_h = bias if cell == "gru" else (bias, bias)
        return [y, *(reorder(v, ORDER[cell]) for v in (w_x.T, w_h.T, b_x, b_h)), x]

    grad = jax.numpy.asarray(grad) if gradients else None
    return [jitted(forward, arguments, grad)], arrays


serve(prepare, keras=keras.__version__)
