"""What every broken input is held to: one line on standard error, exit code 2, nothing left behind."""

from collections.abc import Callable

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from bicameral.cli.app import app


@pytest.fixture
def bicameral() -> Callable[..., Result]:
    """Run `bicameral ARGUMENTS` and return exit code, standard output and standard error."""
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def refused(bicameral) -> Callable[..., str]:
    """Run a command that must be refused, and return its one line."""

    def run(*arguments) -> str:
        result = bicameral(*arguments)
        assert result.exit_code == 2, (result.exit_code, result.exception, result.stdout)
        assert result.stdout == ""
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
        return result.stderr

    return run


@pytest.fixture
def series() -> tuple[np.ndarray, np.ndarray]:
    """Forty series of two channels in two classes."""
    return np.random.default_rng(0).normal(size=(40, 6, 2)), np.arange(40) % 2


@pytest.fixture
def data(tmp_path, series) -> str:
    """The same series in a file."""
    np.savez(tmp_path / "data.npz", X=series[0], y=series[1])
    return str(tmp_path / "data.npz")
