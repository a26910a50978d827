"""Buffers that are fitted to data at once, and so are as large as the data made them."""

from typing import Any

import torch
from torch import nn


class FittedBuffers(nn.Module):
    """Takes buffers of any size when loading: those of other data differ."""

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any, **named: Any) -> None:
        for name, old in self.named_buffers(recurse=False):
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name], device=old.device))
        super()._load_from_state_dict(state_dict, prefix, *args, **named)
