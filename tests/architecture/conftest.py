"""The source files of the package, parsed once."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """One Python file and what it says."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        kinds = ast.FunctionDef | ast.AsyncFunctionDef
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]


def parse(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path, text, ast.parse(text))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    """Every file of the package."""
    return [parse(path) for path in sorted((ROOT / "src").rglob("*.py"))]


@pytest.fixture(scope="session")
def everything(sources: list[Source]) -> list[Source]:
    """Every file of the package, its tests, examples and benchmarks."""
    folders = ("tests", "examples", "benchmarks")
    others = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return sources + [parse(path) for path in others]
