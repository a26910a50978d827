"""The real-gated linear recurrent unit from its gates on. The compiled path has no second derivatives."""

from jaxtyping import Bool, Float
from torch import Tensor

from bicameral.kernels import native
from bicameral.kernels.kernel import Kernel
from bicameral.kernels.rg_lru import cpu, reference

_kernel = Kernel(
    "rg_lru",
    "Tensor x, Tensor gate_a, Tensor gate_x, Tensor log_a, Tensor h, Tensor? resets",
    cpu.forward,
    cpu.backward,
    saved=("x", "gate_a", "gate_x", "log_a", "h", "resets"),
)


def rg_lru(
    x: Float[Tensor, "b t d"],
    gate_a: Float[Tensor, "b t d"],
    gate_x: Float[Tensor, "b t d"],
    log_a: Float[Tensor, "d"],
    h: Float[Tensor, "b d"],
    resets: Bool[Tensor, "b t"] | None = None,
) -> Float[Tensor, "b t d"]:
    """Return every h_t = a_t h_{t-1} + √(1 - a_t²) σ(gate_x) x_t, with a_t = e^(log_a σ(gate_a)).

    `log_a` is at most 0: the log of the decay at an open gate. Frames of `resets` forget what was before.
    """
    inputs = (x, gate_a, gate_x, log_a, h)
    if native.must_be_plain() or not cpu.serves(*inputs):
        return reference.rg_lru(*inputs, resets)
    return _kernel(*inputs, resets)
