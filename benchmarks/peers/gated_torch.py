"""Modules of PyTorch behind a pipe: ours, those of torch.nn, or these under torch.compile."""

import sys

from gated_pipe import THREADS, numbers, serve  # first: it chooses the processors

import torch  # isort: skip
from torch import nn  # isort: skip

from bicameral.nn import gated  # isort: skip

WHOSE = sys.argv[2]
OURS = {"lstm": gated.LSTM, "gru": gated.GRU, "rnn": gated.RNN}
TORCH = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def module(cell: str, hidden: int) -> tuple[nn.Module, list[nn.Parameter]]:
    """Return the layer, and its parameters in the order of torch.nn, which is also ours."""
    if WHOSE == "bicameral":
        ours = OURS[cell](hidden, hidden)
        return ours, list(ours.parameters())
    theirs = TORCH[cell](hidden, hidden, batch_first=True)
    if WHOSE == "compiled":
        theirs.compile()
    return theirs, list(theirs.parameters())


def prepare(gradients, cell, *sizes):
    *weights, frames, grad = map(torch.from_numpy, numbers(cell, *sizes))
    layer, parameters = module(cell, sizes[0])
    for parameter, weight in zip(parameters, weights, strict=True):
        parameter.data = weight
    frames.requires_grad_(gradients)

    def infer():
        with torch.inference_mode():
            return [layer(frames)[0]]

    def train():
        y = layer(frames)[0]
        return [y, *torch.autograd.grad(y, [*parameters, frames], grad)]

    return [train if gradients else infer], lambda result: [v.detach().numpy() for v in result]


torch.set_num_threads(THREADS)
serve(prepare, torch=torch.__version__)
