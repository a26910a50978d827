"""Networks as users write them, good ones and others."""

import torch
from torch import nn


class MyNet(nn.Module):
    def __init__(self, shape, num_outputs):
        super().__init__()
        self.rnn = nn.GRU(shape[-1], 8, batch_first=True)
        self.head = nn.Linear(8, num_outputs)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


def flat(shape, num_outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1], num_outputs))


class Lines(nn.Module):
    reads = "line"
    family = "convolutional"

    def __init__(self, shape, num_outputs):
        super().__init__()
        self.conv = nn.Conv1d(shape[0], num_outputs, 3)

    def forward(self, x):
        return self.conv(x).mean(-1)


def no_arguments():
    return nn.Linear(2, 2)


def wrong_shape(shape, num_outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1], num_outputs + 7))


def other_view(shape, num_outputs):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(num_outputs))


def nothing_to_train(shape, num_outputs):
    return nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(num_outputs))


def no_module(shape, num_outputs):
    return lambda x: x


class Mixes(MyNet):
    def forward(self, x):
        y = super().forward(x)
        return y - y.mean(0)


class NoGradient(MyNet):
    def forward(self, x):
        return super().forward(x).detach()


class Infinite(MyNet):
    def forward(self, x):
        return super().forward(x) * torch.inf
