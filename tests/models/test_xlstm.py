"""xLSTM: both cells against their unstabilised recurrences in float64, initial values, extreme gates."""

import pytest
import torch

from bicameral.errors import ConfigError
from bicameral.models.xlstm import XLSTM, MLSTMBlock, SLSTMBlock, XLSTMConfig
from bicameral.nn import mlstm
from bicameral.nn.mlstm import MLSTM
from bicameral.nn.slstm import NOTHING, SLSTM, power_law
from bicameral.testing import recurrent_laws


def slstm_by_hand(cell, x):
    """Equations 8 to 14 of the paper, head by head, without the stabiliser."""
    size = cell.width // cell.num_heads
    heads = []
    for head in range(cell.num_heads):
        h = c = n = torch.zeros(len(x), size, dtype=x.dtype)
        outputs = []
        for x_t in x.unbind(1):
            parts = []
            for gate in range(4):
                start = gate * cell.width + head * size
                weights = cell.r[head, :, gate * size : (gate + 1) * size]
                parts.append(x_t[:, start : start + size] + cell.bias[gate, head] + h @ weights)
            i, f, z, o = parts
            c = f.sigmoid() * c + i.exp() * z.tanh()
            n = f.sigmoid() * n + i.exp()
            h = o.sigmoid() * c / n
            outputs.append(h)
        heads.append(torch.stack(outputs, 1))
    return torch.cat(heads, 2)


def mlstm_by_hand(cell, x):
    """Equations 19 to 27 of the paper, head by head and row by row, without the stabiliser."""
    size = cell.width // cell.num_heads
    y = torch.zeros(*x.shape[:2], cell.width, dtype=x.dtype)
    for row in range(len(x)):
        for head in range(cell.num_heads):
            own = slice(head * size, (head + 1) * size)
            memory, n = torch.zeros(size, size, dtype=x.dtype), torch.zeros(size, dtype=x.dtype)
            for t, frame in enumerate(x[row]):
                q, k, v = (part[own] for part in frame.split(cell.width))
                k = k / size**0.5
                gates = frame @ cell.gates.weight.T + cell.gates.bias
                i, f = gates[head].exp(), gates[cell.num_heads + head].sigmoid()
                memory = f * memory + i * torch.outer(v, k)
                n = f * n + i * k
                y[row, t, own] = memory @ q / max(abs(n @ q), 1)
    return y


def randomised(cell, std=0.5):
    torch.manual_seed(4)
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return cell.double()


def test_slstm_equals_its_equations():
    cell = randomised(SLSTM(6, 2))
    x = torch.randn(2, 9, 24, dtype=torch.float64)
    torch.testing.assert_close(cell(x)[0], slstm_by_hand(cell, x))


@pytest.mark.parametrize("chunk", [1, 4, 64])
def test_mlstm_equals_its_equations(chunk, monkeypatch):
    monkeypatch.setattr(mlstm, "CHUNK", chunk)
    cell = randomised(MLSTM(6, 2))
    x = 2 * torch.randn(2, 9, 18, dtype=torch.float64)
    torch.testing.assert_close(cell(x)[0], mlstm_by_hand(cell, x))


@pytest.mark.parametrize("cells", ["m", "s"])
def test_each_block_obeys_the_laws(cells):
    def build():
        model = XLSTM((9, 3), XLSTMConfig(width=8, num_heads=2, depth=1, cells=cells))
        return randomised(model, std=0.3)

    for _, law in recurrent_laws(build, (9, 3)):
        law()


def test_chunks_longer_than_one_equal_the_fold():
    cell = randomised(MLSTM(4, 2), std=0.2)
    x = torch.randn(1, 150, 12, dtype=torch.float64)
    whole, state = cell(x)
    carried, outputs = cell.initial_state(x[:, 0]), []
    for x_t in x.unbind(1):
        y_t, carried = cell.step(x_t, carried)
        outputs.append(y_t)
    torch.testing.assert_close(whole, torch.stack(outputs, 1))
    torch.testing.assert_close(tuple(state), tuple(carried))


@pytest.mark.parametrize("gate", [-200.0, 200.0])
def test_extreme_gates_stay_finite(gate):
    """exp(200) is infinite in float32: the stabiliser takes it out."""
    for cell, size in ((SLSTM(4, 2), 16), (MLSTM(4, 2), 12)):
        with torch.no_grad():
            if isinstance(cell, SLSTM):
                cell.bias[0] = gate
            else:
                cell.gates.bias[:2] = gate
        x = torch.randn(2, 7, size, requires_grad=True)
        y, _ = cell(x)
        y.sum().backward()
        assert y.isfinite().all()
        assert x.grad.isfinite().all()


def test_initialisation():
    """Recurrent weights zero; forget biases by a power law in sLSTM and from 3 to 6 in mLSTM; gates blind."""
    cell = SLSTM(8, 2, depth=1.0)
    assert (cell.r == 0).all()
    expected = [5 - 12 * (j / 3) ** 1.6 for j in range(4)]
    torch.testing.assert_close(cell.bias[1, 0], torch.tensor(expected))
    assert (cell.bias[[0, 2, 3]] == 0).all()
    assert power_law(5, 0.0)[[0, -1]].tolist() == [5, -7]
    gates = MLSTM(8, 4).gates
    assert (gates.weight == 0).all()
    assert gates.bias[4:].tolist() == [3, 4, 5, 6]
    assert (SLSTM(8, 2).initial_state(torch.zeros(1, 8)).m == NOTHING).all()


def test_blocks_stand_in_the_order_asked_for():
    model = XLSTM((9, 3), XLSTMConfig(width=8, depth=3, cells="sm"))
    kinds = [type(layer.inner) for layer in list(model)[1:-1]]
    assert [kind for kind in kinds if kind in (MLSTMBlock, SLSTMBlock)] == [
        SLSTMBlock,
        MLSTMBlock,
        SLSTMBlock,
    ]


@pytest.mark.parametrize("cells", ["", "mx", "M"])
def test_unknown_cells_are_refused(cells):
    with pytest.raises(ConfigError, match="expected letters m and s"):
        XLSTMConfig(cells=cells)


def test_heads_must_share_the_width():
    with pytest.raises(ConfigError, match="a multiple of 2 num_heads = 8"):
        XLSTMConfig(width=12)
