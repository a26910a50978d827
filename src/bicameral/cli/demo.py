"""bicameral demo: the whole path on scikit-learn's handwritten digits, in about a minute."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bicameral.cli.app import FAILED, INSTALLATION, resumable, verb
from bicameral.cli.options import DryRun, Json, Runs, Seed
from bicameral.cli.show import show_json, show_lines

MODELS = ("majority", "linear", "mlp", "resnet", "gru", "conv_lstm", "transformer")


@verb("demo", panel=INSTALLATION, example="bicameral demo")
def demo(
    runs: Runs = Path("runs"),
    budget: Annotated[str, typer.Option(help="Time for the comparison, such as 60s or 5min.")] = "60s",
    replicates: Annotated[int, typer.Option(help="Paired repetitions.")] = 6,
    seed: Seed = 0,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Check, probe, compare and verify on handwritten digits."""
    from bicameral.studies.compare import compare
    from bicameral.studies.verify import verify

    source = write_digits(runs / "digits.npz")
    with resumable(f"every finished trial is kept; go on with: bicameral resume {runs / 'demo'}"):
        study = compare(
            source, name="demo", folder=runs, budget=budget, models=MODELS, replicates=replicates, seed=seed,
            dry_run=dry_run,
        )  # fmt: skip
    if dry_run:
        return
    checks = verify(study.folder)
    failed = [check for check in checks if not check.ok]
    if json:
        show_json({**study.results, "verified": not failed})
    else:
        show_lines(_story(study.results, study.folder, len(checks), failed))
    raise typer.Exit(FAILED if failed else 0)


def write_digits(path: Path) -> Path:
    """Write scikit-learn's 1,797 digits, 8 by 8 pixels, as any user could bring them."""
    import numpy as np
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, X=(images.reshape(-1, 1, 8, 8) * 15).astype(np.uint8), y=classes)
    return path


def _story(results: Mapping[str, Any], folder: Path, num_checks: int, failed: list[Any]) -> list[str]:
    from bicameral.studies.report.text import render

    truth = "; ".join(f"{check.name}: {check.detail}" for check in failed) or f"{num_checks} checks agree"
    return [
        render(results),
        f"verify   {truth}",
        f"report   {folder / 'report.html'}",
        f"next     bicameral predict {folder / 'best'} {folder.parent / 'digits.npz'}",
    ]
