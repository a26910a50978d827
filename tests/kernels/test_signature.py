"""The running signature: every path equals its definition, and the definition equals what is known."""

import itertools
import math

import pytest
import torch

from bicameral.kernels.signature import signature, signature_size
from bicameral.kernels.signature.reference import signature as reference

CASES = [(1, 1, 1, 1), (2, 7, 3, 2), (3, 5, 2, 4), (1, 40, 1, 5), (2, 3, 4, 3)]


def inputs(b, t, d, depth, requires_grad=False):
    generator = torch.Generator().manual_seed(b + t + d)
    make = {"dtype": torch.float64, "generator": generator}
    delta, s = torch.randn(b, t, d, **make), torch.randn(b, signature_size(d, depth), **make)
    return delta.requires_grad_(requires_grad), s.requires_grad_(requires_grad), depth


def whole(delta, depth):
    """Of the whole path, from nothing."""
    start = delta.new_zeros(len(delta), signature_size(delta.shape[2], depth))
    return signature(delta, start, depth)[:, -1]


def by_iterated_sums(delta, depth):
    """Brute force over all steps u_1 <= ... <= u_k: a run of m equal steps counts 1/m!."""
    num_frames, d = delta.shape
    terms = []
    for level in range(1, depth + 1):
        total = torch.zeros([d] * level, dtype=delta.dtype)
        for steps in itertools.combinations_with_replacement(range(num_frames), level):
            weight = math.prod(math.factorial(steps.count(step)) for step in set(steps))
            product = delta[steps[0]]
            for step in steps[1:]:
                product = torch.tensordot(product, delta[step], 0)
            total = total + product / weight
        terms.append(total.flatten())
    return torch.cat(terms)


@pytest.mark.parametrize("case", CASES)
def test_equals_the_reference(case):
    torch.testing.assert_close(signature(*inputs(*case)), reference(*inputs(*case)))


@pytest.mark.parametrize("case", CASES)
def test_gradients_equal_those_of_the_reference(case):
    ours, theirs = inputs(*case, requires_grad=True), inputs(*case, requires_grad=True)
    weights = torch.randn_like(reference(*inputs(*case)))
    (signature(*ours) * weights).sum().backward()
    (reference(*theirs) * weights).sum().backward()
    for one, other in zip(ours[:2], theirs[:2], strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize(("num_frames", "d", "depth"), [(1, 2, 3), (5, 3, 2), (4, 2, 4), (6, 3, 3)])
def test_equals_iterated_sums(num_frames, d, depth):
    delta = torch.randn(1, num_frames, d, dtype=torch.float64)
    torch.testing.assert_close(whole(delta, depth)[0], by_iterated_sums(delta[0], depth))


def test_level_two_equals_numeric_integration():
    """∫∫_{u<v} dx^i_u dx^j_v of a piecewise linear path, by the midpoint rule, which is exact for it."""
    delta = torch.randn(9, 3, dtype=torch.float64)
    path = torch.cat([torch.zeros(1, 3, dtype=torch.float64), delta.cumsum(0)])
    middles = (path[1:] + path[:-1]) / 2
    found = whole(delta[None], 2)[0]
    torch.testing.assert_close(found[:3], path[-1])
    torch.testing.assert_close(found[3:].view(3, 3), torch.einsum("ti,tj->ij", middles, delta))


def test_shuffle_identity():
    """S^i S^j = S^ij + S^ji, and S^i S^jk = S^ijk + S^jik + S^jki."""
    found = whole(torch.randn(1, 8, 3, dtype=torch.float64), 3)[0]
    one, two, three = found[:3], found[3:12].view(3, 3), found[12:].view(3, 3, 3)
    torch.testing.assert_close(torch.outer(one, one), two + two.T)
    shuffled = three + three.permute(1, 0, 2) + three.permute(2, 0, 1)
    torch.testing.assert_close(torch.tensordot(one, two, 0), shuffled)


def test_chen_on_concatenation():
    delta = torch.randn(2, 9, 3, dtype=torch.float64)
    for cut in range(1, 9):
        first, second = whole(delta[:, :cut], 3), delta[:, cut:]
        torch.testing.assert_close(signature(second, first, 3)[:, -1], whole(delta, 3))


def test_back_and_forth_is_nothing():
    delta = torch.randn(2, 6, 3, dtype=torch.float64)
    both = torch.cat([delta, -delta.flip(1)], 1)
    torch.testing.assert_close(whole(both, 4), torch.zeros(2, signature_size(3, 4), dtype=torch.float64))


def test_speed_along_the_path_does_not_matter():
    delta = torch.randn(2, 6, 3, dtype=torch.float64)
    slower = torch.stack([0.3 * delta, torch.zeros_like(delta), 0.7 * delta], 2).flatten(1, 2)
    torch.testing.assert_close(whole(slower, 4), whole(delta, 4))


def test_size():
    assert [signature_size(5, 3), signature_size(20, 2), signature_size(20, 3)] == [155, 420, 8420]


def test_compiles_and_exports():
    class Running(torch.nn.Module):
        def forward(self, delta, s):
            return signature(delta, s, 2)

    delta, s, _ = inputs(2, 7, 3, 2)
    exported = torch.export.export(Running(), (delta, s))
    torch.testing.assert_close(exported.module()(delta, s), reference(delta, s, 2))
