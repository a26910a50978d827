"""A study on disk: runs/<name>/ with its plan, its ledger and its results."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bicameral.disk import write_json
from bicameral.errors import BicameralError, StudyError
from bicameral.studies.record.ledger import Ledger
from bicameral.studies.record.lock import LOCK, locked
from bicameral.studies.record.outcomes import OUTCOMES
from bicameral.studies.record.plan import VERSION, Plan, plan_from_dict

PLAN, LEDGER, RESULTS = "plan.json", "ledger.jsonl", "results.json"


@contextmanager
def opened(folder: Path, plan: Plan) -> Iterator[Path]:
    """The folder of a study to begin or go on with; a mistake before the first trial leaves none behind."""
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        is_new &= not (folder / PLAN).exists()  # or somebody else has begun it since
        try:
            yield open_folder(folder, plan)
        except (BicameralError, OSError):
            if is_new and not Ledger(folder / LEDGER).all("trial"):
                shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def undamaged(folder: Path) -> Iterator[None]:
    """Say that the folder is damaged where what it holds cannot be made sense of."""
    try:
        yield
    except BicameralError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise StudyError(f"{folder} is damaged or of another version ({reason})") from error


def open_folder(folder: Path, plan: Plan) -> Path:
    """Freeze the plan in the study's folder; a folder with another plan is refused."""
    if (folder / PLAN).exists():
        frozen = read_plan(folder)
        if frozen.digest() != plan.digest():
            changed = [key for key, value in plan.to_dict().items() if frozen.to_dict()[key] != value]
            raise StudyError(
                f"{folder} holds another question (different: {', '.join(changed)}); choose another name"
            )
    else:
        write_json(folder / PLAN, plan.to_dict())
    return folder


def read_plan(folder: Path) -> Plan:
    """The frozen plan of a study folder."""
    fields = _read(folder, PLAN, "no study was begun there: run bicameral compare")
    if fields.get("version", 1) != VERSION:
        raise StudyError(
            f"{folder} was made by another version of bicameral; compare anew, under another name"
        )
    return plan_from_dict(fields)


def read_results(folder: Path) -> dict[str, Any]:
    """The results of a finished study folder."""
    return _read(folder, RESULTS, f"the study is not finished: run bicameral resume {folder}")


def sweep_drafts(folder: Path) -> None:
    """Remove what a killed process had half written."""
    for place in (folder, folder / "artifacts", folder / OUTCOMES):
        for draft in place.glob(".*"):
            if draft.is_dir():
                shutil.rmtree(draft, ignore_errors=True)
            elif draft.name != LOCK:
                draft.unlink(missing_ok=True)


def next_folder(runs: Path) -> Path:
    """The next free numbered folder, runs/0001 upward."""
    taken = [int(path.name) for path in runs.glob("[0-9]*") if path.name.isdigit()]
    return runs / f"{max(taken, default=0) + 1:04d}"


def compared(plan: Plan, ledger: Ledger) -> list[str]:
    """The models of a plan that its schedule could afford."""
    left_out = (ledger.find("schedule", "") or {}).get("left_out", ())
    return [name for name in plan.models if name not in left_out]


def file_hashes(folder: Path, parts: Sequence[str]) -> dict[str, str]:
    """Hash every file in some folders of a study, by its path within the study."""
    files = [path for part in parts for path in sorted((folder / part).rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def _read(folder: Path, name: str, otherwise: str) -> dict[str, Any]:
    path = folder / name
    if not path.is_file():
        raise StudyError(f"{folder} has no {name}; {otherwise}")
    with undamaged(folder):
        found = json.loads(path.read_text(encoding="utf-8"))
        return {**found}
