"""Augmentation of prepared batches on their own device: lengths, padding, dtype and shape stay as they are.

Data are standardised, so zero is the mean of a channel.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Generator, Tensor

from bicameral.data.augment import frames, pictures
from bicameral.data.augment.draws import Lengths
from bicameral.data.dataset import Kind
from bicameral.errors import ConfigError, nearest

Change = Callable[[Tensor, Lengths, Generator], Tensor]


@dataclass(frozen=True)
class Augmentation:
    """A fixed list of random changes, applied in order to a batch."""

    changes: tuple[Change, ...]

    def __call__(
        self, x: Shaped[Tensor, "b *example"], lengths: Lengths | None, generator: Generator
    ) -> Shaped[Tensor, "b *example"]:
        """Return a changed batch of the same shape; the same generator state gives the same batch."""
        steps = torch.full((len(x),), x.shape[1], device=x.device) if lengths is None else lengths
        changed = x
        for change in self.changes:
            changed = change(changed, steps, generator)
        return changed if lengths is None else torch.where(_valid(x, lengths), changed, x)


def for_kind(
    kind: Kind, menu: Sequence[str] | None = None, allowed: Sequence[str] | None = None
) -> Augmentation:
    """Return the changes named in `menu`, or those of DEFAULTS; pictures and clips can also be flipped.

    allowed  those under which the task's answers stay true; every one if None
    """
    known = MENUS[kind]
    fitting = [name for name in known if allowed is None or name in allowed]
    names = [name for name in DEFAULTS[kind] if name in fitting] if menu is None else menu
    for name in names:
        if name not in known:
            raise ConfigError(f"no {kind} augmentation called {name!r}{nearest(name, known)}")
    wrong = [name for name in names if name not in fitting]
    if wrong or not fitting:
        change = ", ".join(wrong) or "any change"
        instead = f"take {', '.join(fitting)} alone" if fitting else "leave out augment"
        raise ConfigError(f"the answers of this task would not follow {change} of the examples; {instead}")
    return Augmentation(tuple(known[name] for name in names))


def _valid(x: Tensor, lengths: Lengths) -> Bool[Tensor, "b t *ones"]:
    valid = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
    return valid.reshape(*valid.shape, *[1] * (x.ndim - 2))


def _for_all_frames(change: Change) -> Change:
    """Make the change of a picture one of a clip: all frames change alike."""

    def changed(
        x: Float[Tensor, "b t c h w"], lengths: Lengths, generator: Generator
    ) -> Float[Tensor, "b t c h w"]:
        return change(x.flatten(1, 2), lengths, generator).reshape(x.shape)

    return changed


_PICTURE: dict[str, Change] = {
    "shift": pictures.shift,
    "rotate": pictures.rotate,
    "cutout": pictures.cutout,
    "flip": pictures.flip,
}
_CLIP: dict[str, Change] = {name: _for_all_frames(change) for name, change in _PICTURE.items()}
MENUS: dict[Kind, dict[str, Change]] = {
    "image": _PICTURE,
    "clip": {**_CLIP, "jitter": frames.time_jitter},
    "sound": {"time_mask": frames.time_mask, "band_mask": frames.band_mask, "shift": frames.time_shift},
    "series": {
        "jitter": frames.jitter,
        "scale": frames.scale,
        "crop": frames.time_crop,
        "shift": frames.time_shift,
    },
    "text": {"dropout": frames.token_dropout},
}
# Mirrored digits and letters are other digits and letters: flipping is asked for by name.
DEFAULTS: dict[Kind, tuple[str, ...]] = {
    kind: tuple(name for name in menu if name != "flip") for kind, menu in MENUS.items()
}
