"""A cell answers by the weights that it holds now, whoever wrote to them and however."""

import copy
import functools
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrize, prune

from bicameral.kernels import native
from bicameral.kernels.gated import Packed
from bicameral.nn.gated import GRU, LSTM, RNN, PeepholeLSTM, ProjectedLSTM

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "lstm": lambda: LSTM(5, 37),
    "gru": lambda: GRU(5, 37),
    "gru before": lambda: GRU(5, 37, reset="before"),
    "rnn": lambda: RNN(5, 37),
    "two layers": lambda: GRU(5, 37, depth=2),
    "peephole": lambda: PeepholeLSTM(5, 37),
    "projected": lambda: ProjectedLSTM(5, 37, num_cells=41),
}


@functools.cache
def _first(name):
    torch.manual_seed(0)
    return LAYERS[name]().eval()


def make(name):
    return copy.deepcopy(_first(name))


def holder(layer):
    """The module that holds the weights themselves."""
    return layer.rnn if hasattr(layer, "rnn") else layer


def weights(layer):
    """Every weight as it is now, by name, whatever stands behind it."""
    names = [name.removesuffix("_orig") for name, _ in holder(layer).named_parameters()]
    names = [name.removeprefix("parametrizations.").removesuffix(".original") for name in names]
    return {name: getattr(holder(layer), name) for name in names}


def fresh(name, layer):
    """A new layer with copies of the weights of another."""
    made = make(name)
    with torch.no_grad():
        for key, value in weights(layer).items():
            getattr(holder(made), key).copy_(value)
    return made


class _Negated(nn.Module):
    def forward(self, v):
        return -v


def _flat(weight, place):
    return weight.view(-1), place % weight.numel()


def _by_data(layer, key, place):
    flat, at = _flat(getattr(holder(layer), key).data, place)
    flat[at] += 0.5


def _by_row_of_data(layer, key, place):
    weight = getattr(holder(layer), key).data
    weight[place % len(weight)] = 0.25


def _by_numpy(layer, key, place):
    flat, at = _flat(getattr(holder(layer), key), place)
    flat.detach().numpy()[at] -= 0.5


def _by_no_grad(layer, key, place):
    with torch.no_grad():
        flat, at = _flat(getattr(holder(layer), key), place)
        flat[at] *= -2


def _by_detached(layer, key, place):
    flat, at = _flat(getattr(holder(layer), key).detach(), place)
    flat[at] += 0.5


def _by_pruning(layer, key, place):
    torch.manual_seed(place)
    prune.random_unstructured(holder(layer), key, amount=0.3)


def _by_permanent_pruning(layer, key, place):
    _by_pruning(layer, key, place)
    prune.remove(holder(layer), key)


def _by_loading(layer, key, place):
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    for value in state.values():
        flat, at = _flat(value, place)
        flat[at] += 0.5
    layer.load_state_dict(state)


def _by_assigning(layer, key, place):
    state = {name: value.clone() * 0.5 for name, value in layer.state_dict().items()}
    layer.load_state_dict(state, assign=True)


def _by_optimizer(layer, key, place):
    x = torch.linspace(-1, 1, 4 * 5).view(1, 4, 5)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(x)[0].square().sum().backward()
    optimizer.step()


def _by_set(layer, key, place):
    weight = getattr(holder(layer), key)
    with torch.no_grad():
        weight.set_(weight * 0.5)


def _by_swapped_data(layer, key, place):
    weight = getattr(holder(layer), key)
    weight.data = weight.data * 0.5


def _by_new_parameter(layer, key, place):
    setattr(holder(layer), key, nn.Parameter(getattr(holder(layer), key).detach() * 0.5))


def _by_parametrization(layer, key, place):
    parametrize.register_parametrization(holder(layer), key, _Negated())


def _by_shared_storage(layer, key, place):
    weight = getattr(holder(layer), key)
    flat, at = _flat(torch.frombuffer(weight.detach().numpy(), dtype=torch.float32), place)
    flat[at] += 0.5


def _by_inference_mode(layer, key, place):
    with torch.inference_mode():
        flat, at = _flat(getattr(holder(layer), key), place)
        flat[at] += 0.5


EDITS = [
    _by_data, _by_row_of_data, _by_numpy, _by_no_grad, _by_detached, _by_pruning, _by_permanent_pruning,
    _by_loading, _by_assigning, _by_optimizer, _by_set, _by_swapped_data, _by_new_parameter,
    _by_parametrization, _by_shared_storage, _by_inference_mode,
]  # fmt: skip
NEAR = 0 if native.library() else 1e-6  # PyTorch's products depend on where in memory a weight lies
X = torch.linspace(-2, 2, 2 * 9 * 5).view(2, 9, 5).sin()


def answer(layer):
    with torch.no_grad():
        return layer(X)[0]


def assert_near(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=NEAR)


def assert_edit_is_seen(name, edit, key_place, place):
    layer = make(name)
    before = answer(layer)
    assert torch.equal(answer(layer), before)
    keys = list(weights(layer))
    edit(layer, keys[key_place % len(keys)], place)
    after = answer(layer)
    assert_near(after, answer(fresh(name, layer)))
    return not torch.equal(after, before)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", LAYERS)
def test_an_edit_of_any_kind_is_seen(name, edit):
    changed = [assert_edit_is_seen(name, edit, key, 53) for key in (1, 2)]
    assert any(changed)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(list(LAYERS)), st.sampled_from(EDITS), st.integers(0, 9), st.integers(0, 10**6))
def test_an_edit_of_any_number_is_seen(name, edit, key_place, place):
    assert_edit_is_seen(name, edit, key_place, place)


@pytest.mark.parametrize("name", LAYERS)
def test_a_deep_copy_has_weights_of_its_own(name):
    layer = make(name)
    before = answer(layer)
    copied = copy.deepcopy(layer)
    assert torch.equal(answer(copied), before)
    for weight in layer.parameters():
        weight.data.mul_(0.5)
    assert torch.equal(answer(copied), before)
    assert_near(answer(layer), answer(fresh(name, layer)))


@pytest.mark.parametrize("name", LAYERS)
def test_packed_once_the_answer_is_the_same(name):
    layer = make(name)
    expected = answer(layer)
    with Packed(layer) as packed:
        assert torch.equal(answer(layer), expected)
        assert torch.equal(answer(layer), expected)
    with packed, Packed(make(name)):
        assert torch.equal(answer(layer), expected)


def test_the_promise_ends_with_the_block():
    layer = make("gru")
    with Packed(layer):
        before = answer(layer)
    layer.rnn.weight_hh_l0.data[3, 4] += 1
    assert_near(answer(layer), answer(fresh("gru", layer)))
    assert not torch.equal(answer(layer), before)


def test_the_promise_is_about_the_named_module_alone():
    layer, other = make("gru"), make("gru")
    with Packed(other):
        answer(layer)
        layer.rnn.weight_hh_l0.data[3, 4] += 1
        assert_near(answer(layer), answer(fresh("gru", layer)))


@pytest.mark.parametrize("edit", [_by_new_parameter, _by_parametrization, _by_pruning, _by_assigning])
def test_another_tensor_in_place_of_a_weight_is_read_also_within_the_promise(edit):
    layer = make("gru")
    with Packed(layer):
        before = answer(layer)
        edit(layer, "weight_hh_l0", 0)
        assert_near(answer(layer), answer(fresh("gru", layer)))
        assert not torch.equal(answer(layer), before)


def test_a_broken_promise_reads_no_wrong_address():
    layer = make("gru")
    with Packed(layer):
        answer(layer)
        for weight in layer.parameters():
            weight.data = torch.zeros(3 * 400, *[400] * (weight.dim() - 1))
        layer.width = 400
        with torch.no_grad():
            assert layer(torch.zeros(1, 2, 400))[0].abs().max() == 0


def test_a_packed_layer_still_learns():
    layer = make("lstm")
    with Packed(layer):
        layer(X)[0].sum().backward()
        gradient = layer.rnn.weight_hh_l0.grad.clone()
        _by_optimizer(layer, None, 0)
        layer.zero_grad()
        layer(X)[0].sum().backward()
    assert not torch.equal(layer.rnn.weight_hh_l0.grad, gradient)
