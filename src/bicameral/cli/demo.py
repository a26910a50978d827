"""bicameral demo: the whole path on scikit-learn's handwritten digits, in 80 seconds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bicameral.cli.app import FAILED, INSTALLATION, verb
from bicameral.cli.compare import outcome, run_study, show_cost
from bicameral.cli.options import DryRun, Json, Runs, Seed
from bicameral.cli.show import show_json, show_lines

MODELS = ["majority", "linear", "mlp", "lenet5", "gru", "cnn_gru", "transformer"]


@verb("demo", panel=INSTALLATION, example="bicameral demo")
def demo(
    runs: Runs = Path("runs"),
    budget: Annotated[str, typer.Option(help="Time for the comparison, such as 60s or 5min.")] = "80s",
    replicates: Annotated[int, typer.Option(help="Paired repetitions.")] = 6,
    seed: Seed = 0,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Check, probe, compare and verify on handwritten digits."""
    from bicameral.studies.verify import verify

    digits = write_digits(runs / "digits.npz")
    question = {
        "source": digits,
        "budget": budget,
        "models": MODELS,
        "replicates": replicates,
        "settings": 3,
        "leave_out_slow": True,
        "probe_seconds": 25,
        "seed": seed,
    }
    if dry_run:
        show_cost(question, json)
        return
    study = run_study(question, runs)
    checks = verify(study.folder)
    if json:
        show_json({"folder": study.folder, **study.results, "verified": all(check.ok for check in checks)})
    else:
        show_lines([*outcome(study.results, study.folder), _verified(checks)])
    raise typer.Exit(0 if all(check.ok for check in checks) else FAILED)


def write_digits(path: Path) -> Path:
    """Write scikit-learn's 1,797 digits, 8 by 8 pixels, as any user could bring them."""
    import numpy as np
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, X=(images.reshape(-1, 1, 8, 8) * 15).astype(np.uint8), y=classes)
    return path


def _verified(checks: Sequence[Any]) -> str:
    wrong = "; ".join(f"{check.name}: {check.detail}" for check in checks if not check.ok)
    return f"verify   {wrong or f'{len(checks)} checks agree with the ledger'}"
