"""A trained thing on disk: config.json, model.safetensors and card.md. Never a pickle."""

import hashlib
import html
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from bicameral import __version__, registry
from bicameral.data.batches.prepared import Prepared
from bicameral.data.dataset import Dataset, Layout
from bicameral.data.preprocessing import preprocessing_from_dict
from bicameral.disk import jsonable, replace_folder, write_json
from bicameral.errors import ArtifactError, BicameralError, ConfigError, DataError
from bicameral.streaming import Stream
from bicameral.tasks import Task, own, task_from_dict
from bicameral.tasks.answering import answer
from bicameral.tasks.blended import Blend, build, parts_of
from bicameral.tasks.forecast import Forecast
from bicameral.tasks.generating import generate
from bicameral.tasks.network import Network
from bicameral.tasks.next_step import by_sequence

READING = """```python
from bicameral import Artifact

Artifact.from_pretrained("this folder").predict(dataset)
```"""
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "card.md"
OURS = (CONFIG, WEIGHTS, CARD)
DECIDING = ("model", "overrides", "layout", "task", "preprocessing")  # keys of the config


@dataclass
class Artifact:
    """A network with the preprocessing fitted for it and the task it answers."""

    network: Network | Blend
    preprocessing: Any
    task: Task
    card: dict[str, Any] = field(default_factory=dict)  # where it comes from: data, budget, scores, versions

    @property
    def reading(self) -> dict[str, Any]:
        """Options of `read` for its data: what is asked of them, and the number that stands for no value."""
        layout = self.network.layout
        # two axes of an array are features, unless the network was trained on steps
        steps = {"kind": "series"} if layout.kind == "series" and layout.shape[0] > 1 else {}
        return self.task.reading() | steps | {key: self.card[key] for key in ("missing",) if key in self.card}

    def outputs(self, dataset: Dataset, rows: np.ndarray | None = None, batch_size: int = 256) -> Tensor:
        """Network outputs (n, *task.output_shape) on the CPU, in the order of `rows`."""
        return self._answer(dataset, rows, batch_size)[0].float()

    def predict(self, dataset: Dataset) -> list[dict[str, Any]]:
        """One readable answer an example, with its id; of a series to be forecast, what follows its end."""
        dataset = self.task.to_answer(dataset)
        output = self.outputs(dataset)
        ids = dataset.ids or [str(row) for row in range(len(dataset))]
        if self.task.per_step:
            ids, output = by_sequence(dataset, output)
        answers = self.task.decode(output)
        return [{"id": name, **answer} for name, answer in zip(ids, answers, strict=True)]

    def evaluate(self, dataset: Dataset, rows: np.ndarray | None = None) -> dict[str, float]:
        """Every metric of the task on the labelled examples `rows`, or on every window of a series."""
        dataset = self.task.to_judge(dataset)
        output, y = self._answer(dataset, rows)
        assert y is not None
        return self.task.metrics(output.float(), y)

    def generate(self, prompt: Any, length: int, *, temperature: float = 1.0, seed: int = 0) -> Any:
        """Go on from a text, or frames (t, keys), for `length` steps; temperature 0 takes the likeliest."""
        assert isinstance(self.network, Network), "what predicts the next step is never blended"
        return generate(self.network, self.preprocessing, prompt, length, temperature=temperature, seed=seed)

    def stream(self, num_streams: int = 1) -> Stream:
        """Answer data that still come in, piece by piece; docs/streaming.md."""
        if isinstance(self.network, Blend):
            raise ConfigError(
                "a blend of several models answers whole examples; use predict, or train one that runs along "
                "time (--model gru)"
            )
        if isinstance(self.task, Forecast) and self.task.scaled:
            raise ConfigError(
                "a forecast of several series is in units of the whole look-back, which a stream does not "
                "keep; use predict"
            )
        return Stream(self.network, self.preprocessing, self.task, num_streams)

    def _answer(
        self, dataset: Dataset, rows: np.ndarray | None, batch_size: int = 256
    ) -> tuple[Tensor, Tensor | None]:
        if dataset.kind != self.network.layout.kind:
            raise DataError(
                f"{dataset.name} is {dataset.kind} data; this reads {self.network.layout.kind} data"
            )
        rows = np.arange(len(dataset)) if rows is None else np.asarray(rows)
        return answer(self.network, Prepared(dataset, self.preprocessing, rows), batch_size)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write the artifact; an older one there is replaced when the new one is whole, other files stay."""
        folder = Path(folder)
        refuse_other_files(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            self._write(draft)
            replace_folder(folder, draft, OURS)
        except (OSError, SafetensorError) as error:
            raise ArtifactError(
                f"could not save the artifact to {folder}: {error}; nothing was changed"
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return folder

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "Artifact":
        """Read what `save_pretrained` wrote."""
        folder = Path(folder)
        for name in (CONFIG, WEIGHTS):
            if not (folder / name).is_file():
                raise ArtifactError(f"{folder} is not a saved artifact: it has no {name}")
        try:
            return cls._read(folder)
        except BicameralError:
            raise
        except (LookupError, TypeError, AttributeError, ValueError, RuntimeError, SafetensorError) as error:
            reason = " ".join(str(error).split())
            raise ArtifactError(f"{folder} is damaged or of another version: {reason}") from error

    @classmethod
    def _read(cls, folder: Path) -> "Artifact":
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        _refuse_newer(folder, config["bicameral"])
        _require_installed(folder, config)
        _verify(folder, config)
        task = task_from_dict(config["task"])
        layout = Layout(**{**config["layout"], "shape": tuple(config["layout"]["shape"])})
        network = build(layout, task, config["model"], config["overrides"])
        network.load_state_dict(load_file(folder / WEIGHTS))
        return cls(network.eval(), preprocessing_from_dict(config["preprocessing"]), task, config["card"])

    def _write(self, folder: Path) -> None:
        state = {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}
        save_file(state, folder / WEIGHTS)
        config = jsonable(self._config())
        write_json(folder / CONFIG, config | {"sha256": _sums(folder, config)})
        (folder / CARD).write_text(_card(config, self.network), encoding="utf-8")
        folder.chmod(0o755)  # temporary folders and safetensors start out private
        (folder / WEIGHTS).chmod(0o644)

    def _config(self) -> dict[str, Any]:
        return {
            "bicameral": __version__,
            "model": self.network.entry.name,
            "overrides": self.network.overrides,
            "layout": asdict(self.network.layout),
            "task": self.task.to_dict(),
            "preprocessing": self.preprocessing.to_dict(),
            "card": self.card,
            **_own_networks(self.network.entry),
        }


def _require_installed(folder: Path, config: Mapping[str, Any]) -> None:
    for name, facts in config.get("own", {}).items():
        own.restore(name, facts)
    for model in (part["model"] for part in parts_of(config["model"], config["overrides"])):
        if model not in registry.names():
            raise ArtifactError(
                f"{folder} was made with the model {model!r}, which is not installed here: install "
                "the package that brings it, or a version of bicameral that has it"
            )


def _own_networks(entry: Any) -> dict[str, Any]:
    """Where a user's own network stands, so that another process can import it."""
    is_own = isinstance(entry, registry.Entry) and entry.source
    return {"own": {entry.name: own.facts_of(entry.name)}} if is_own else {}


def refuse_other_files(folder: Path) -> None:
    """Raise where an artifact would replace something else than an artifact."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not is_artifact(folder)):
        raise ArtifactError(f"{folder} holds something else than an artifact; choose a folder of its own")


def is_artifact(folder: Path) -> bool:
    """Whether the folder's config.json is one of ours: many a model and web project has one, too."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(config, dict) and "bicameral" in config


def _sums(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """Checksums of the weights and of everything in the config that decides an answer."""
    deciding = {key: config[key] for key in DECIDING}
    text = json.dumps(deciding, sort_keys=True, ensure_ascii=False)
    weights = hashlib.sha256((folder / WEIGHTS).read_bytes())
    return {"config": hashlib.sha256(text.encode()).hexdigest(), "weights": weights.hexdigest()}


def _verify(folder: Path, config: Mapping[str, Any]) -> None:
    """Compare the checksums; artifacts from before there were any are read as they are."""
    for part, found in _sums(folder, config).items() if "sha256" in config else ():
        if config["sha256"].get(part) != found:
            name = WEIGHTS if part == "weights" else CONFIG
            raise ArtifactError(
                f"{folder / name} was changed after it was saved (its checksum differs); copy it anew, or "
                "train again"
            )


def _refuse_newer(folder: Path, version: str) -> None:
    if _release(version) > _release(__version__):
        raise ArtifactError(
            f"{folder} was saved by bicameral {version}, this is {__version__}; install that or a newer one"
        )


def _release(version: str) -> tuple[int, ...]:
    """Major and minor number, within which artifacts are read."""
    return tuple(int(part) for part in version.split(".")[:2])


def _card(config: Mapping[str, Any], network: Network | Blend) -> str:
    entry, task = network.entry, config["task"]
    parameters = sum(parameter.numel() for parameter in network.parameters())
    lines = [
        f"# {entry.name} ({entry.family})",
        f"Answers the task `{task['name']}` on {config['layout']['kind']} data; {parameters:,} parameters.",
        f"Paper: {entry.paper}",
        "## Where it comes from",
        *_bullets(config["card"]),
        "## Reading it",
        READING,
    ]
    return "\n\n".join(lines) + "\n"


def _bullets(facts: Mapping[str, Any]) -> Sequence[str]:
    lines = [line for name, value in facts.items() if name != "curve" for line in _bullet(name, value)]
    return ["\n".join(lines) or "- not recorded"]


def _bullet(name: str, value: Any) -> list[str]:
    """One fact in a line; a table in a line for each of its rows."""
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        rows = (", ".join(f"{key} {cell}" for key, cell in row.items()) for row in value)
        return [f"- {name}:", *(f"  - {_inert(row)}" for row in rows)]
    return [f"- {name}: {_inert(value)}"]


def _inert(value: Any) -> str:
    """A fact as Markdown that shows it and does nothing, whatever a file was called."""
    seen = (char if char.isprintable() else f"\\x{ord(char):02x}" for char in str(value))
    return html.escape("".join(seen), quote=False)
