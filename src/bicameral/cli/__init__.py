"""The command line: one thin file per verb, imported here so that each registers itself."""

from bicameral.cli import (
    check,
    compare,
    demo,
    doctor,
    evaluate,
    extend,
    generate,
    models,
    predict,
    probe,
    recommend,
    report,
    resume,
    stream,
    train,
    verify,
)
from bicameral.cli.app import app

__all__ = [
    "check",
    "compare",
    "demo",
    "doctor",
    "evaluate",
    "extend",
    "generate",
    "main",
    "models",
    "predict",
    "probe",
    "recommend",
    "report",
    "resume",
    "stream",
    "train",
    "verify",
]


def main() -> None:
    """Run the command line."""
    app()
