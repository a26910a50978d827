"""Parameter counts equal those of the papers, or of an independent count where a paper gives none."""

import pytest

from bicameral import registry


def count(name, shape, classes, **overrides):
    entry = registry.entry(name)
    model = entry.cls(shape, entry.configure(overrides))
    width = model.channels[-1] if entry.gives == "maps" else model.width
    return sum(parameter.numel() for parameter in model.parameters()) + (width + 1) * classes


LARGE = {"width": 64, "stem": "large"}


@pytest.mark.parametrize(
    ("name", "shape", "classes", "overrides", "published"),
    [
        ("lenet5", (1, 28, 28), 10, {}, 61_706),
        ("resnet", (3, 32, 32), 10, {"depth": 20}, 269_722),  # 0.27 M
        ("resnet", (3, 32, 32), 10, {"depth": 32}, 464_154),  # 0.46 M
        ("resnet", (3, 32, 32), 10, {"depth": 56}, 853_018),  # 0.85 M
        ("resnet", (3, 64, 64), 1000, {"depth": 18, **LARGE}, 11_689_512),
        ("resnet", (3, 64, 64), 1000, {"depth": 34, **LARGE}, 21_797_672),
        ("resnet", (3, 64, 64), 1000, {"depth": 50, **LARGE}, 25_557_032),
    ],
)
def test_exact_counts(name, shape, classes, overrides, published):
    assert count(name, shape, classes, **overrides) == published


@pytest.mark.parametrize(
    ("name", "shape", "classes", "overrides", "millions", "digits"),
    [
        ("crnn", (1, 32, 100), 37, {"width": 256, "channels": 64}, 8.3, 1),
        (
            "r2plus1d",
            (3, 8, 112, 112),
            400,
            {"depth": 18, **LARGE},
            33.4,
            1,
        ),  # the paper: about R3D-18's 33.4
        ("tcn", (784, 1), 10, {"width": 25, "depth": 8, "kernel": 7}, 0.07, 2),  # "70 K", sequential MNIST
    ],
)
def test_rounded_counts(name, shape, classes, overrides, millions, digits):
    assert round(count(name, shape, classes, **overrides) / 1e6, digits) == millions


def test_fcn_count_by_hand():
    kernels = 8 * 1 * 128 + 5 * 128 * 256 + 3 * 256 * 128
    norms = 2 * (128 + 256 + 128)
    assert count("fcn", (1, 140), 2) == kernels + norms + 2 * 129


def test_resnet1d_count_by_hand():
    def block(before, after):
        kernels = (8 * before + 5 * after + 3 * after) * after + 3 * 2 * after
        return kernels + (before * after + 2 * after if before != after else 0)

    assert count("resnet1d", (1, 140), 2) == block(1, 64) + block(64, 128) + block(128, 128) + 2 * 129
