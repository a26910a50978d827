"""The compiled library: what it computes with, when it is chosen, and that it can be done without."""

import ctypes
import functools
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest

from bicameral.kernels import native
from bicameral.kernels.native import build

# One C function for each function of simd.hpp, and a product by tiles.
PROBE = """
#include "tile.hpp"
using namespace bicameral;
namespace bicameral { Runtime runtime; }
#define MAP(name) BICAMERAL_EXPORT void map_##name(long n, const float* x, float* y) { \\
    for (long i = 0; i < n; i += LANES) store(y + i, name(load(x + i, n - i)), n - i); }
MAP(exp) MAP(exp_coarse) MAP(expm1) MAP(sigmoid) MAP(tanh) MAP(square_root) MAP(absolute)
struct Reversed { static constexpr int from(int i) { return LANES - 1 - i; } };
BICAMERAL_EXPORT void reverse(const float* x, float* y) { store(y, shuffle<Reversed>(load(x), load(x))); }
BICAMERAL_EXPORT int lanes() { return LANES; }
BICAMERAL_EXPORT void product(long m, long k, const float* a, const float* packed, float* c) {
  for_tiles(0, m, [&](long row, auto& tile) {
    multiply_add(tile, AllColumns{}, k, a + row * k, k, 1, packed, 4 * LANES);
    for (auto& sums : tile) {
      for (int n = 0; n < 4; n++) store(c + row * 4 * LANES + n * LANES, sums[n]);
      row++;
    }
  });
}
"""
try:
    build.find_compiler()
except build.CannotBuildError as missing:
    pytest.skip(str(missing), allow_module_level=True)

unless_refused = pytest.mark.skipif(
    os.environ.get(native.SETTING) == "reference", reason=f"{native.SETTING}=reference asks for no library"
)
VARIANTS = [name for name in native.RUNS.get("AVX512", native.OTHERS) if name in build.variants()]


def pointer(values):
    assert values.dtype == np.float32
    return values.ctypes.data_as(ctypes.c_void_p)


@functools.cache
def probe(variant):
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "probe.cpp", Path(folder) / "probe.so"
        source.write_text(PROBE)
        flags = [*build.FLAGS, *build.variants()[variant], f"-I{build.HERE}", "-shared"]
        subprocess.run([*build.find_compiler(), *flags, "-o", library, source], check=True)
        return ctypes.CDLL(str(library))


def evaluate(variant, name, x):
    y = np.empty_like(x)
    getattr(probe(variant), f"map_{name}")(ctypes.c_long(len(x)), pointer(x), pointer(y))
    return y


@pytest.fixture(params=VARIANTS)
def variant(request):
    try:
        native.load(request.param)
    except native.NotLoadedError as reason:
        pytest.skip(str(reason))
    return request.param


def units(y, exact):
    """Distance in units in the last place of the exact result."""
    return np.abs(y.astype(np.float64) - exact) / np.spacing(np.abs(exact).astype(np.float32)).astype(
        np.float64
    )


def grid(low, high):
    return np.linspace(low, high, 2_000_003, dtype=np.float32)


@pytest.mark.parametrize(
    ("name", "low", "high", "exact", "worst"),
    [
        ("exp", -103.9, 88.7, np.exp, 1.1),
        ("exp_coarse", -87.3, 88.3, np.exp, 1.1),
        ("expm1", -87.3, 88.0, np.expm1, 1.6),
        ("expm1", -0.01, 0.01, np.expm1, 1.6),
        ("sigmoid", -87.0, 30.0, lambda x: 1 / (1 + np.exp(-x)), 2.6),
        ("tanh", -12.0, 12.0, np.tanh, 1.6),
        ("tanh", -0.01, 0.01, np.tanh, 1.6),
        ("square_root", 0.0, 4.0, np.sqrt, 0.51),
    ],
)
def test_functions_are_right_to_the_last_places(variant, name, low, high, exact, worst):
    x = grid(low, high)
    assert units(evaluate(variant, name, x), exact(x.astype(np.float64))).max() <= worst


@pytest.mark.parametrize(
    ("name", "at_minus_infinity", "at_infinity"),
    [
        ("exp", 0, np.inf),
        ("exp_coarse", 0, np.inf),
        ("expm1", -1, np.inf),
        ("sigmoid", 0, 1),
        ("tanh", -1, 1),
        ("absolute", np.inf, np.inf),
    ],
)
def test_nan_and_infinities_pass(variant, name, at_minus_infinity, at_infinity):
    x = np.array([-np.inf, np.inf, np.nan, 200.0, -200.0], dtype=np.float32)
    y = evaluate(variant, name, x)
    assert (y[0], y[1]) == (at_minus_infinity, at_infinity)
    assert np.isnan(y[2])
    if name != "absolute":
        assert (y[3], y[4]) == (at_infinity, at_minus_infinity)


def test_shuffle_reorders_lanes(variant):
    x = np.arange(probe(variant).lanes(), dtype=np.float32)
    y = np.empty_like(x)
    probe(variant).reverse(pointer(x), pointer(y))
    np.testing.assert_array_equal(y, x[::-1])


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 6, 7, 13])
@pytest.mark.parametrize("depth", [1, 3, 4, 33])
def test_tiles_multiply(variant, rows, depth):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(rows, depth)).astype(np.float32)
    b = rng.normal(size=(depth, 4 * probe(variant).lanes())).astype(np.float32)
    c = np.full((rows, b.shape[1]), np.nan, dtype=np.float32)
    probe(variant).product(ctypes.c_long(rows), ctypes.c_long(depth), pointer(a), pointer(b), pointer(c))
    np.testing.assert_allclose(c, a.astype(np.float64) @ b, rtol=2e-6, atol=2e-6)


@unless_refused
def test_is_compiled_where_there_is_a_compiler():
    assert native.path() in VARIANTS, f"run `{native.REBUILD}`: {native.path()}"
    assert native.compiler().startswith(("gcc", "clang"))


@unless_refused
def test_borrows_the_threads_of_pytorch():
    assert native.has_threads()


def test_the_environment_chooses():
    code = "from bicameral.kernels import native; print(native.path(), '|', native.library())"
    environment = {**os.environ, native.SETTING: "reference"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == f"reference (as {native.SETTING} asks) | None"


def missing(monkeypatch, setting):
    monkeypatch.setattr(native, "_choose", lambda: (None, "reference (nothing was compiled)"))
    monkeypatch.setattr(native, "_say_missing", functools.cache(native._say_missing.__wrapped__))
    monkeypatch.setenv(native.SETTING, setting)


def test_missing_kernels_are_said_once_in_one_line(monkeypatch):
    missing(monkeypatch, "")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert native.library() is None
        assert native.library() is None
    assert len(said) == 1
    message = str(said[0].message)
    assert "several times slower: reference (nothing was compiled)" in message
    assert "\n" not in message


@pytest.mark.filterwarnings("error")
def test_kernels_that_nobody_wants_are_not_missed(monkeypatch):
    missing(monkeypatch, "reference")
    assert native.library() is None


def test_an_unknown_choice_is_refused():
    with pytest.raises(native.NotLoadedError, match=r"=sse9 is none of .*, reference"):
        native.load("sse9")


def test_a_stale_library_is_not_called(monkeypatch):
    monkeypatch.setattr(build, "digest", lambda: "other sources")
    with pytest.raises(native.NotLoadedError, match="older than its sources"):
        native.load()


def test_a_missing_library_is_said_to_be_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "LIBRARIES", tmp_path)
    with pytest.raises(native.NotLoadedError, match="nothing was compiled"):
        native.load()


def test_a_refusing_compiler_is_quoted(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "LIBRARIES", tmp_path)
    monkeypatch.setattr(build, "find_compiler", lambda: [sys.executable, "-c", "exit('no such flag')"])
    with pytest.raises(build.CannotBuildError, match="no such flag"):
        build.build()
    assert list(tmp_path.iterdir()) == []


def test_no_compiler_is_an_error_of_its_own(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(build.CannotBuildError, match="found no C\\+\\+ compiler"):
        build.find_compiler()
