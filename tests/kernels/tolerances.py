"""How far a kernel may be from its definition in double precision: the one table of tolerances."""

import torch

# Largest difference over the largest exact value, outputs and gradients alike. A scan of any length stays at
# a few roundings, because |a| <= 1 forgets old ones; half precision rounds once, at the end.
TOLERANCES = {
    "linear_scan": {
        torch.float32: 1e-6,
        torch.complex64: 1e-6,
        torch.bfloat16: 8e-3,
        torch.float16: 1e-3,
        torch.float64: 1e-14,
        torch.complex128: 1e-14,
    },
    "gated": {torch.float32: 5e-5},  # errors go round the recurrence, and through division by 1 - y^2
    "rms_norm": {torch.float32: 2e-6},
    "rg_lru": {torch.float32: 3e-6, torch.float64: 1e-13},
}


def assert_near(kernel: str, results, exact) -> None:
    """Compare tensors, one by one, with what double precision gives."""
    for result, truth in zip(results, exact, strict=True):
        assert result.shape == truth.shape
        error, largest = (result.to(truth.dtype) - truth).abs().max(), truth.abs().max()
        assert error <= TOLERANCES[kernel][result.dtype] * largest, (
            f"{kernel} is off by {error:.1e} of {largest:.1e} in {result.dtype}"
        )
