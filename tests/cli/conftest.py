"""The command line, run inside the test process."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from bicameral.cli.app import app


@pytest.fixture
def bicameral() -> Callable[..., Result]:
    """Run `bicameral ARGUMENTS` and return exit code, standard output and standard error."""
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])
