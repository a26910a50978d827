"""What holds for every model with a graph, and how a graph is given."""

import dataclasses

import numpy as np
import pytest
import torch

import bicameral
from bicameral import registry
from bicameral.artifact import Artifact
from bicameral.data.graphs import graph_weights
from bicameral.errors import ConfigError, DataError

NAMES = [e.name for e in registry.entries() if "graph" in {f.name for f in dataclasses.fields(e.config)}]
RNG = np.random.default_rng(1)
N = 5
GRAPH = np.round(RNG.random((N, N)) * (RNG.random((N, N)) < 0.6), 3)
X = torch.tensor(RNG.normal(size=(3, 7, N)))


def built(name, graph, **fields):
    torch.manual_seed(4)
    entry = registry.entry(name)
    return entry.cls((7, N), entry.configure({"horizon": 3, "width": 6, "graph": graph, **fields})).double()


@pytest.mark.parametrize("name", NAMES)
def test_nodes_and_graph_may_be_permuted_together(name):
    order = [3, 0, 4, 2, 1]
    y = built(name, GRAPH.tolist())(X)
    permuted = built(name, GRAPH[order][:, order].tolist())(X[..., order])
    torch.testing.assert_close(permuted, y[..., order])


@pytest.mark.parametrize("name", NAMES)
def test_a_node_hears_the_nodes_it_is_joined_to_and_no_others(name):
    """A chain of one step a layer of convolution; the last node is joined to none."""
    graph = np.zeros((N, N))
    graph[0, 1] = graph[1, 0] = 1
    model = built(name, graph.tolist())
    changed = X.clone()
    changed[:, 2, 1] += 1
    differs = (model(changed) != model(X)).any(0).any(0)
    assert differs.tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("name", NAMES)
def test_without_a_graph_all_nodes_are_joined_alike(name):
    everyone = (1 - np.eye(N)).tolist()
    torch.testing.assert_close(built(name, None)(X), built(name, everyone)(X))


@pytest.mark.parametrize("name", NAMES)
def test_an_artifact_keeps_the_weights_not_the_path(name, tmp_path):
    file = tmp_path / "graph.csv"
    np.savetxt(file, GRAPH, delimiter=",")
    series = RNG.normal(size=(80, N)).astype(np.float32)
    artifact = bicameral.train(
        _csv(tmp_path, series),
        name,
        folder=tmp_path / "artifact",
        budget="2steps",
        overrides={"graph": str(file), "width": 4},
        data_options={"lookback": 6, "horizon": 2},
        progress=False,
    )
    file.unlink()
    again = Artifact.from_pretrained(tmp_path / "artifact")
    x = torch.randn(2, 6, N)
    torch.testing.assert_close(again.network(x), artifact.network(x))
    np.testing.assert_array_equal(again.network.overrides["graph"], GRAPH)


def _csv(folder, series):
    header = ",".join(f"s{i}" for i in range(N))
    np.savetxt(folder / "series.csv", series, delimiter=",", header=header, comments="")
    return folder / "series.csv"


@pytest.mark.parametrize("header", ["", "a,b,c,d,e", "773869,767541,767542,717447,717446"])
def test_a_graph_is_read_from_a_table(tmp_path, header):
    rows = [header] * bool(header) + [",".join(map(str, row)) for row in GRAPH]
    (tmp_path / "graph.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    np.testing.assert_array_equal(graph_weights(str(tmp_path / "graph.csv")), GRAPH)


def test_a_graph_is_read_from_an_array(tmp_path):
    np.save(tmp_path / "graph.npy", GRAPH)
    np.testing.assert_array_equal(graph_weights(str(tmp_path / "graph.npy")), GRAPH)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([[0, 1, 2], [1, 0, 2]], r"shape \(2, 3\); expected a row and a column"),
        ([[0, 1], [1]], "no matrix of numbers"),
        ([["a", "b"], ["c", "d"]], "no matrix of numbers"),
        ([[0, -1], [1, 0]], "weights below zero or missing"),
        ([[0, float("nan")], [1, 0]], "weights below zero or missing"),
        ("graph.txt", "expected .csv or .npy"),
        ("nowhere.csv", "there is no graph 'nowhere.csv'"),
    ],
)
def test_what_is_no_graph_is_refused(given, said):
    with pytest.raises(DataError, match=said):
        graph_weights(given)


def test_a_graph_of_other_nodes_is_refused():
    with pytest.raises(ConfigError, match="2 nodes, and the series 5 channels"):
        built("dcrnn", [[0, 1], [1, 0]])
