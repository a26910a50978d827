"""What the sLSTM recurrence is (arXiv 2405.04517): the definition every faster path must equal."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import logsigmoid

from bicameral.kernels.frames import stacked


def slstm(
    x: Float[Tensor, "b t 4 n d"],
    r: Float[Tensor, "n d e"],
    h: Float[Tensor, "b n d"],
    c: Float[Tensor, "b n d"],
    n: Float[Tensor, "b n d"],
    m: Float[Tensor, "b n d"],
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return every h, c, n and m. Each new m counts as a constant: outputs do not depend on it."""
    h, c, n, m = (part.transpose(0, 1) for part in (h, c, n, m))  # heads first, for one product over all
    states, start = [], (h, c, n, m)
    for x_t in x.permute(1, 3, 0, 2, 4).flatten(3).unbind(0):
        i, f, z, o = torch.baddbmm(x_t, h, r).chunk(4, 2)
        f = logsigmoid(f) + m
        m = torch.maximum(f, i).detach()
        i, f = (i - m).exp(), (f - m).exp()
        c, n = torch.addcmul(f * c, i, z.tanh()), torch.addcmul(i, f, n)
        h = o.sigmoid() * c / n
        states.append((h, c, n, m))
    parts = zip(*states, strict=True) if states else ((), (), (), ())
    h, c, n, m = (stacked(part, like).permute(2, 1, 0, 3) for part, like in zip(parts, start, strict=True))
    return h, c, n, m
