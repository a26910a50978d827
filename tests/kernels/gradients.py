"""What a kernel with one output gives: that, and the gradients of its arguments."""

import torch


def outputs_and_gradients(kernel, arguments):
    y = kernel(*arguments)
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
    return [y, *torch.autograd.grad((y * weights).sum(), arguments)]
