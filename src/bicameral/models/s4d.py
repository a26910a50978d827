"""A diagonal state space in each channel: a convolution to train, a recurrence to run.

Gu, Gupta, Goel and Ré 2022, "S4D", arXiv 2206.11893: the linear initialisation, discretised by zero-order
hold. Differs: layer norm before each branch; long sequences are convolved in pieces, the state carried over.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from bicameral.models import require_counts, require_fractions
from bicameral.nn.masking import Lengths
from bicameral.nn.pre_norm import PreNormStack
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Framewise, Stack
from bicameral.registry import model

PIECE = 1024  # frames convolved at once: memory grows with it, and nothing else
SHORTEST_STEP, LONGEST_STEP = 1e-3, 1e-1  # range of Δ at the start


@dataclass(frozen=True, kw_only=True)
class S4DConfig:
    """How wide and deep, and how much each channel can remember."""

    width: int = 64  # of the residual stream
    num_modes: int = 16  # conjugate pairs of eigenvalues in each channel; the paper's have 32
    depth: int = 2  # layers
    dropout: float = 0.0  # on each residual branch and before its gate, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "num_modes", "depth")
        require_fractions(self, "dropout")


class S4DLayer(Recurrent[Tensor]):
    """h_t = e^{ΔA} h_{t-1} + (e^{ΔA} - 1)/A x_t; y_t = 2 Re(C h_t) + D x_t, in each channel by itself.

    The last axis of the state is (Re, Im).
    """

    slow: ClassVar = ("log_dt", "log_decay", "frequency")

    def __init__(self, width: int, num_modes: int):
        super().__init__()
        self.width = width
        steps = torch.empty(width).uniform_(math.log(SHORTEST_STEP), math.log(LONGEST_STEP))
        self.log_dt = nn.Parameter(steps)
        self.log_decay = nn.Parameter(torch.full((width, num_modes), 0.5).log())
        self.frequency = nn.Parameter(math.pi * torch.arange(num_modes).float().repeat(width, 1))
        self.C = nn.Parameter(torch.randn(width, num_modes, 2) / math.sqrt(2))
        self.D = nn.Parameter(torch.randn(width))

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b d n 2"]:
        return self.C.new_zeros(x_t.shape[0], *self.C.shape)

    def discrete(self) -> tuple[Complex[Tensor, "d n"], Complex[Tensor, "d n"]]:
        """Return ΔA, and what one unit of input adds to the state, by zero-order hold."""
        rate = torch.complex(-self.log_decay.exp(), self.frequency)
        exponent = self.log_dt.exp()[:, None] * rate
        return exponent, (exponent.exp() - 1) / rate

    def step(
        self, x_t: Float[Tensor, "b d"], state: Float[Tensor, "b d n 2"]
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b d n 2"]]:
        exponent, gain = self.discrete()
        h = exponent.exp() * torch.view_as_complex(state) + gain * x_t[..., None]
        y_t = 2 * (torch.view_as_complex(self.C) * h).sum(-1).real
        return y_t + self.D * x_t, torch.view_as_real(h)

    def scan(
        self, x: Float[Tensor, "b t d"], state: Float[Tensor, "b d n 2"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b d n 2"]]:
        h, outputs = torch.view_as_complex(state), []
        for begin, piece in zip(range(0, x.shape[1], PIECE), x.split(PIECE, 1), strict=True):
            left = None if lengths is None else (lengths - begin).clamp(0, piece.shape[1])
            y, h = self._convolve(piece.to(state.dtype), h, left)
            outputs.append(y)
        return torch.cat(outputs, 1) + self.D * x, torch.view_as_real(h)

    def _convolve(
        self, x: Float[Tensor, "b t d"], h: Complex[Tensor, "b d n"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t d"], Complex[Tensor, "b d n"]]:
        num_frames = x.shape[1]
        exponent, gain = self.discrete()
        times = torch.arange(num_frames + 1, device=x.device)
        powers = torch.exp(exponent[..., None] * times)
        read = torch.view_as_complex(self.C)
        kernel = 2 * torch.einsum("dn,dnt->td", read * gain, powers[..., :-1]).real
        size = 2 * num_frames  # so that the end does not wrap around to the beginning
        spectrum = torch.fft.rfft(x, size, 1) * torch.fft.rfft(kernel, size, 0)
        y = torch.fft.irfft(spectrum, size, 1)[:, :num_frames]
        echo = 2 * torch.einsum("bdnc,dntc->btd", _parts((read * h).conj()), _parts(powers[..., 1:]))
        decay = powers[..., -1] if lengths is None else torch.exp(exponent * lengths[:, None, None])
        arrived = torch.einsum("dntc,btd->bdnc", _parts(powers[..., :-1].flip(-1)), _to_the_end(x, lengths))
        return y + echo, decay * h + gain * torch.view_as_complex(arrived.contiguous())


@model(
    "s4d",
    config=S4DConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2206.11893",
    sizes={
        "small": {"width": 32},
        "medium": {"width": 64},
        "large": {"width": 128, "num_modes": 32, "depth": 4},
    },
    causal=True,
)
class S4D(PreNormStack):
    """A projection, residual layers, each with a GLU behind its state space, a last norm."""

    def __init__(self, shape: tuple[int, ...], config: S4DConfig):
        layers = [
            Stack([S4DLayer(config.width, config.num_modes), Framewise(_glu(config), config.width)])
            for _ in range(config.depth)
        ]
        super().__init__(shape[-1], layers, dropout=config.dropout)


def _glu(config: S4DConfig) -> nn.Module:
    linear = nn.Linear(config.width, 2 * config.width)
    return nn.Sequential(nn.GELU(), nn.Dropout(config.dropout), linear, nn.GLU())


def _parts(z: Complex[Tensor, "*s"]) -> Float[Tensor, "*s 2"]:
    return torch.view_as_real(z.resolve_conj())


def _to_the_end(x: Float[Tensor, "b t d"], lengths: Lengths) -> Float[Tensor, "b t d"]:
    """Move the valid frames of every row to its end; the zeroes behind them come first."""
    if lengths is None:
        return x
    source = (torch.arange(x.shape[1], device=x.device) + lengths[:, None]) % x.shape[1]
    return x.gather(1, source[..., None].expand_as(x))
