"""Every path of the linear scan equals its definition, outputs and gradients."""

import inspect

import pytest
import torch
from kernels.tolerances import assert_near
from torch._subclasses import FakeTensorMode

from bicameral.kernels import native
from bicameral.kernels.linear_scan import chunked, cpu, linear_scan
from bicameral.kernels.linear_scan.reference import linear_scan as reference

# Narrower than a vector, a whole number of vectors, some more, wider than a block of channels.
SHAPES = [(1, 1, 1), (2, 7, 3), (1, 64, 2), (3, 65, 16), (2, 13, 21), (2, 5, 40), (1, 3, 1030), (40, 70, 32)]
DOUBLES = [torch.float64, torch.complex128]
compiled = pytest.mark.skipif(native.library() is None, reason=native.path())


def inputs(b, t, d, dtype=torch.float64, requires_grad=False):
    generator = torch.Generator().manual_seed(b + t + d)
    wide = torch.complex128 if dtype.is_complex else torch.float64
    a, x = (torch.randn(b, t, d, dtype=wide, generator=generator) for _ in range(2))
    h = torch.randn(b, d, dtype=wide, generator=generator)
    a = a / (1 + a.abs())
    return [v.to(dtype).requires_grad_(requires_grad) for v in (a, x, h)]


def doubled(values):
    return [
        v.detach().to(torch.complex128 if v.is_complex() else torch.float64).requires_grad_() for v in values
    ]


def outputs_and_gradients(scan, arguments):
    y = scan(*arguments)
    generator = torch.Generator().manual_seed(7)
    weights = torch.randn(y.shape, dtype=torch.complex128, generator=generator)
    weights = weights if y.is_complex() else weights.real
    gradients = torch.autograd.grad(y, arguments, weights.to(y.dtype))
    return [y.detach(), *gradients]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DOUBLES)
@pytest.mark.parametrize("scan", [linear_scan, chunked.scan_by_chunks, chunked.scan_by_frames])
def test_equals_the_reference(scan, dtype, shape):
    arguments = inputs(*shape, dtype)
    assert_near("linear_scan", [scan(*arguments)], [reference(*arguments)])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64, torch.bfloat16, torch.float16, *DOUBLES])
def test_gradients_equal_those_of_the_reference(dtype, shape):
    arguments = inputs(*shape, dtype, requires_grad=True)
    exact = outputs_and_gradients(reference, doubled(arguments))
    assert_near("linear_scan", outputs_and_gradients(linear_scan, arguments), exact)


@compiled
@pytest.mark.parametrize("variant", native.RUNS["AVX512"] + native.OTHERS[1:])
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_every_instruction_set_agrees(variant, dtype, monkeypatch):
    try:
        library = native.load(variant)
    except native.NotLoadedError as reason:
        pytest.skip(str(reason))
    native.function.cache_clear()
    monkeypatch.setattr(native, "library", lambda: library)
    for shape in SHAPES[:-1]:
        arguments = inputs(*shape, dtype, requires_grad=True)
        exact = outputs_and_gradients(reference, doubled(arguments))
        assert_near("linear_scan", outputs_and_gradients(linear_scan, arguments), exact)
    native.function.cache_clear()


@compiled
@pytest.mark.parametrize("shape", [(1, 700, 203), (3, 400, 64), (2, 90, 1500)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_results_do_not_depend_on_the_threads(dtype, shape):
    arguments = inputs(*shape, dtype, requires_grad=True)
    alone = outputs_and_gradients(linear_scan, arguments)
    for threads in (2, 3, 5):
        torch.set_num_threads(threads)
        try:
            together = outputs_and_gradients(linear_scan, arguments)
        finally:
            torch.set_num_threads(1)
        assert all(map(torch.equal, alone, together))


@compiled
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_large_results_are_written_past_the_caches(dtype):
    a, x, h = inputs(5, 14_000, 64, dtype)
    y = cpu.forward(a, x, h)
    gradients = cpu.backward(a, h, y, x)
    for row in range(5):  # each small enough for the caches
        a_row, x_row, h_row, y_row = (v[row : row + 1] for v in (a, x, h, y))
        assert torch.equal(cpu.forward(a_row, x_row, h_row), y_row)
        alone = cpu.backward(a_row, h_row, y_row, x_row)
        assert all(torch.equal(one[0], whole[row]) for one, whole in zip(alone, gradients, strict=True))


@compiled
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_memory_need_not_be_contiguous(dtype):
    a, x, h = inputs(4, 6, 20, dtype)
    exact = linear_scan(a, x, h)
    shuffled = a.transpose(0, 1).contiguous().transpose(0, 1)
    wide = torch.cat([x, x], -1)[..., :20]
    assert torch.equal(linear_scan(shuffled, wide, h.conj().resolve_conj().conj()), exact)
    expanded = a[:, :1].expand_as(a)
    assert torch.equal(linear_scan(expanded, x, h), linear_scan(expanded.contiguous(), x, h))


@compiled
def test_a_sign_put_off_is_not_lost():
    z = torch.randn(2, 5, 4, dtype=torch.complex64)
    x, h = z.conj().imag, torch.zeros(2, 4)
    assert x.is_neg()
    assert torch.equal(linear_scan(torch.zeros_like(z.real), x, h), -z.imag)


@pytest.mark.parametrize("dtype", DOUBLES)
def test_gradients_of_gradients(dtype):
    arguments = inputs(2, 5, 2, dtype, requires_grad=True)
    assert torch.autograd.gradcheck(linear_scan, arguments)
    assert torch.autograd.gradgradcheck(linear_scan, arguments)


@compiled
def test_gradients_of_gradients_where_compiled():
    def penalty(scan, arguments):
        (da,) = torch.autograd.grad(scan(*arguments).square().sum(), arguments[0], create_graph=True)
        return torch.autograd.grad(da.square().sum(), arguments)

    arguments = inputs(2, 9, 18, torch.float32, requires_grad=True)
    assert_near("linear_scan", penalty(linear_scan, arguments), penalty(reference, doubled(arguments)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64, torch.float64])
@pytest.mark.parametrize("operator", ["linear_scan", "linear_scan_backward"])
def test_operators_keep_torchs_promises(operator, dtype):
    a, x, h = inputs(2, 6, 3, dtype, requires_grad=operator == "linear_scan")
    arguments = (a, x, h) if operator == "linear_scan" else (a, h, x, x)
    torch.library.opcheck(getattr(torch.ops.bicameral, operator).default, arguments)


def test_gates_at_zero_and_one_stay_finite():
    x, h = torch.randn(1, 4096, 2), torch.zeros(1, 2)
    kept = linear_scan(torch.ones_like(x), x, h)
    torch.testing.assert_close(kept, x.double().cumsum(1).float(), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(linear_scan(torch.zeros_like(x), x, h), x)


def test_a_zero_starts_the_sequence_anew():
    a, x, h = inputs(2, 20, 17, torch.float32, requires_grad=True)
    reset = torch.ones_like(a)
    reset[:, 8] = 0
    y = linear_scan(a * reset, x, h)
    torch.testing.assert_close(y[:, 8:], linear_scan(a[:, 8:] * reset[:, 8:], x[:, 8:], torch.zeros_like(h)))
    later = torch.autograd.grad(y[:, 8:].sum(), (x, h))
    assert all(not gradient[:, :8].any() for gradient in later[:1])
    assert not later[1].any()


def test_a_sequence_may_be_cut_anywhere():
    a, x, h = inputs(3, 50, 24, torch.float32)
    whole = linear_scan(a, x, h)
    for cut in (1, 17, 49):
        first = linear_scan(a[:, :cut], x[:, :cut], h)
        second = linear_scan(a[:, cut:], x[:, cut:], first[:, -1])
        assert torch.equal(torch.cat([first, second], 1), whole)


@pytest.mark.parametrize("width", [3, 16, 21])
def test_nan_stays_in_its_channel(width):
    a, x, h = inputs(2, 10, width, torch.float32)
    x[0, 4, 2] = torch.nan
    bad = linear_scan(a, x, h).isnan()
    assert bad[0, 4:, 2].all()
    assert bad.sum() == 6


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 4, 0)], ids=str)
def test_nothing_gives_nothing(shape):
    arguments = inputs(*shape, torch.float32, requires_grad=True)
    y = linear_scan(*arguments)
    y.sum().backward()
    assert y.shape == shape


def test_a_million_frames():
    a, x, h = inputs(1, 1_000_000, 1, torch.float32)
    y = linear_scan(a, x, h)
    last = reference(a[:, -200:].double(), x[:, -200:].double(), h.double())  # what is older is forgotten
    assert_near("linear_scan", [y[:, -50:]], [last[:, -50:]])


class Scan(torch.nn.Module):
    def forward(self, a, x, h):
        return linear_scan(a, x, h)


def test_exports_as_plain_arithmetic():
    arguments = tuple(inputs(1, 3, 2))
    exported = torch.export.export(Scan(), arguments)
    assert not any("bicameral" in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(*arguments), reference(*arguments))


# The compiler cannot see through the checks of shapes that the tests switch on; unwrap takes them off.
def test_compiles_into_one_graph():
    whole = torch.compile(inspect.unwrap(linear_scan), fullgraph=True, backend="aot_eager")
    arguments = inputs(2, 9, 20, torch.float32, requires_grad=True)
    ours, theirs = (outputs_and_gradients(scan, arguments) for scan in (whole, linear_scan))
    assert all(map(torch.equal, ours, theirs))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")
def test_compiles_by_inductor():
    scan = inspect.unwrap(linear_scan)

    def between(a, x, h):
        return scan(a.sigmoid(), x * 2, h).tanh()

    whole = torch.compile(between, fullgraph=True)
    arguments = inputs(2, 9, 20, torch.float32, requires_grad=True)
    exact = outputs_and_gradients(between, doubled(arguments))
    assert_near("linear_scan", outputs_and_gradients(whole, arguments), exact)


def test_stands_in_for_tensors_without_numbers():
    with FakeTensorMode():
        arguments = [torch.empty(2, 5, 3, requires_grad=True) for _ in range(2)]
        y = linear_scan(*arguments, torch.empty(2, 3))
        assert y.shape == (2, 5, 3)
        assert torch.autograd.grad(y.sum(), arguments)[0].shape == (2, 5, 3)


def test_transforms_of_functions():
    a, x, h = inputs(4, 6, 3, torch.float32)
    each = torch.vmap(lambda a, x, h: linear_scan(a[None], x[None], h[None])[0])
    torch.testing.assert_close(each(a, x, h), linear_scan(a, x, h))
    slope = torch.func.grad(lambda x: linear_scan(a, x, h).sum())(x)
    exact = outputs_and_gradients(lambda *v: reference(*v).sum(), inputs(4, 6, 3, requires_grad=True))
    generator = torch.Generator().manual_seed(7)
    weight = torch.randn((), dtype=torch.complex128, generator=generator).real
    torch.testing.assert_close(slope.double() * weight, exact[2], rtol=1e-5, atol=1e-5)
