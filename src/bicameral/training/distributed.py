"""Several processes, one run: what torchrun started is found in the environment."""

import copy
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Ranks:
    """This process among those that share each batch."""

    rank: int = 0
    world: int = 1

    def from_first(self, *numbers: float | bool) -> list[float | bool]:
        """Return the numbers of rank 0 everywhere, so that all decide alike."""
        if self.world == 1:
            return list(numbers)
        shared = torch.tensor(numbers, dtype=torch.float64)
        dist.broadcast(shared, 0)
        return shared.tolist()

    def total(self, number: float) -> float:
        """Sum over all ranks."""
        return sum(row[0] for row in self._gather(number))

    def factor(self, weight: float, row: int) -> float:
        """What the mean loss of this rank's share counts, so that the mean over ranks is the whole batch's.

        weight  of the share; row its first example: a rank that repeats another's example counts nothing
        """
        gathered = self._gather(weight, row)
        rows = [int(first) for _, first in gathered]
        weights = [part if row not in rows[:rank] else 0.0 for rank, (part, row) in enumerate(gathered)]
        return weights[self.rank] * self.world / (sum(weights) or 1.0)

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """Return the CPU tensor of each rank."""
        if self.world == 1:
            return [tensor]
        gathered = [torch.empty_like(tensor) for _ in range(self.world)]
        dist.all_gather(gathered, tensor)
        return gathered

    def _gather(self, *numbers: float | int) -> list[list[float]]:
        return [tensor.tolist() for tensor in self.gather(torch.tensor(numbers, dtype=torch.float64))]


@contextmanager
def torchrun() -> Iterator[Ranks]:
    """Join the processes started by torchrun, or stand alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Ranks()
        return
    joining = not dist.is_initialized()
    if joining:
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        if joining:
            dist.destroy_process_group()


def is_first() -> bool:
    """Whether this process is the one that speaks, judges and saves for all."""
    return int(os.environ.get("RANK", "0")) == 0


def best_device() -> torch.device:
    """Return this rank's own GPU where there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def replicate(network: nn.Module, ranks: Ranks, parallel: str) -> tuple[nn.Module, nn.Module]:
    """Return the module to call in training and the one that owns the weights."""
    if ranks.world == 1:
        return network, network
    if parallel == "ddp":
        return nn.parallel.DistributedDataParallel(network), network
    sharded = _shard(network)
    return sharded, sharded


def _shard(network: nn.Module) -> nn.Module:
    from torch.distributed.device_mesh import init_device_mesh  # slow to import, rarely needed
    from torch.distributed.fsdp import fully_shard

    device = next(network.parameters()).device.type
    sharded = copy.deepcopy(network)
    for tensor in (*sharded.parameters(), *sharded.buffers()):
        dist.broadcast(tensor.data, 0)
    mesh = init_device_mesh(device, (dist.get_world_size(),))
    # Gathered weights kept after a forward would be stale once the moving average has been swapped in or out.
    fully_shard(sharded, mesh=mesh, reshard_after_forward=True)
    # Networks end in a view; the warning is for those who write into outputs, which no loss does.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module")
    return sharded


def is_sharded(tensor: Tensor) -> bool:
    """Whether this rank holds only a part of the tensor."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: Tensor) -> Tensor:
    """Return the tensor put together from all ranks; every rank must ask at once."""
    return tensor.full_tensor() if is_sharded(tensor) else tensor  # pyright: ignore[reportAttributeAccessIssue]


def scatter_like(target: Tensor, source: Tensor) -> Tensor:
    """Return this rank's part of a whole tensor, sharded as `target` is."""
    source = source.to(target.device)
    if not is_sharded(target):
        return source
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(target, DTensor)
    return distribute_tensor(source, target.device_mesh, target.placements)
