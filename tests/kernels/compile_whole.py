"""Compile recurrences without a break: for test_compiling.py, in a process of its own.

The checker of annotations, on in tests alone, cannot be compiled.
"""

import sys

import torch

from bicameral.kernels.gated import Weights, gated
from bicameral.nn.graph_conv import random_walks
from bicameral.nn.graph_gru import ConvolvedGRU, GraphGRU

SHAPES = {
    "lstm": ((4, 3, 4), (4, 5), (4, 5), (20, 4), (20, 5), (20,), (20,)),
    "reset_before_gru": ((4, 3, 4), (4, 5), (15, 4), (15, 5), (15,), (15,)),
    "projected_lstm": ((4, 3, 4), (4, 3), (4, 5), (20, 4), (20, 3), (20,), (20,), (3, 5)),
}
LENGTHS = torch.tensor([2, 3, 0, 1])


def compare(run, inputs):
    """Results and gradients equal those of an eager call."""
    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    pair = []
    for function in (compiled, run):
        y = function(*inputs).square().sum()
        pair.append([y, *torch.autograd.grad(y, inputs)])
    for ours, theirs in zip(*pair, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def compare_gated(name, shapes, lengths):
    num_states = 2 if "lstm" in name else 1

    def run(x, *rest):
        y, last = gated(name, x, rest[:num_states], Weights(*rest[num_states:]), lengths)
        return torch.cat([y.flatten(), *(part.flatten() for part in last)])

    compare(run, [(0.3 * torch.randn(shape)).requires_grad_() for shape in shapes])


def compare_graph(layer):
    weights = dict(layer.named_parameters())

    def run(x, *values):
        given = dict(zip(weights, values, strict=True))
        return torch.func.functional_call(layer, given, (x,), {"lengths": LENGTHS})[0]

    compare(run, [torch.randn(4, 3, 6, 2, requires_grad=True), *weights.values()])


def compare_graphs():
    ring = torch.eye(6).roll(1, 0)
    compare_graph(GraphGRU(2, 3, random_walks(ring, 1)))
    compare_graph(ConvolvedGRU(2, 3, ring))


def compare_cells():
    for name, shapes in SHAPES.items():
        for lengths in (None, LENGTHS):
            compare_gated(name, shapes, lengths)


torch.manual_seed(0)
{"graphs": compare_graphs, "cells": compare_cells}[sys.argv[1]]()
