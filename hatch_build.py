"""Compile the kernels into the wheel, or say why it goes without."""

import importlib.util
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILD = "src/bicameral/kernels/native/build.py"


class NativeKernels(BuildHookInterface):
    """One shared library for each instruction set; without a compiler the PyTorch reference serves."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling names it
        native = load_build(Path(self.root) / BUILD)
        try:
            libraries = native.build()
        except native.CannotBuildError as reason:
            self.app.display_warning(f"No compiled kernels, PyTorch serves instead: {reason}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag()}"
        build_data["artifacts"] += [str(file.relative_to(self.root)) for file in libraries]


def load_build(file: Path) -> ModuleType:
    """Import the module by its path: the package it belongs to is not installed yet."""
    spec = importlib.util.spec_from_file_location("native_build", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def platform_tag() -> str:
    """Return the platform as wheels spell it; nothing in the libraries depends on the version of Python."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
