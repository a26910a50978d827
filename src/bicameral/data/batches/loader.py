"""The batches of an epoch: each example once, in an order that seed and epoch fix."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Batch
from bicameral.errors import ConfigError

POOL = 50  # batches whose rows are sorted by length together: little padding, still a random order


def batches(
    prepared: Prepared,
    batch_size: int,
    *,
    seed: int,
    epoch: int,
    shuffle: bool = True,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
) -> Iterator[Batch]:
    """Yield each example of an epoch once, from batch number `start` on; seed and epoch fix the order.

    Of `world` processes each gets its share of every batch, so that all make the same number of steps.
    """
    if batch_size < 1 or not 0 <= rank < world:
        raise ConfigError(
            f"batch_size={batch_size}, rank={rank}, world={world}; expected 1 <= batch_size, rank < world"
        )
    plan = _plan(prepared, batch_size, np.random.default_rng([seed, epoch]) if shuffle else None)[start:]
    return prepared.stream(plan if world == 1 else (_share(rows, rank, world) for rows in plan))


def _plan(prepared: Prepared, batch_size: int, rng: np.random.Generator | None) -> Sequence[Tensor]:
    if rng is None:
        return torch.arange(len(prepared)).split(batch_size)
    order = rng.permutation(len(prepared))
    if prepared.lengths is None:
        return torch.from_numpy(order).split(batch_size)
    parts = torch.from_numpy(_by_length(order, prepared.lengths, POOL * batch_size)).split(batch_size)
    return [parts[number] for number in rng.permutation(len(parts))]


def _by_length(order: np.ndarray, lengths: np.ndarray, pool: int) -> np.ndarray:
    """Sort each run of `pool` rows by length."""
    runs = np.split(order, range(pool, len(order), pool))
    return np.concatenate([run[np.argsort(lengths[run], kind="stable")] for run in runs])


def _share(rows: Tensor, rank: int, world: int) -> Tensor:
    # A last batch smaller than the world: idle ranks repeat a row, or the others would wait for ever.
    return rows[rank::world] if rank < len(rows) else rows[rank % len(rows)][None]
