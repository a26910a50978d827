"""How long a network may train: in device-seconds, steps or epochs."""

import re
from dataclasses import dataclass
from typing import Any

from bicameral.errors import ConfigError

UNITS = {"s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Exactly one of the three; seconds count training and validation, not compiling or waiting for data."""

    seconds: float | None = None
    steps: int | None = None
    epochs: int | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if value is not None}
        if len(given) != 1:
            raise ConfigError(f"a budget is one of seconds, steps or epochs, not {given or 'none of them'}")
        ((name, value),) = given.items()
        if not value > 0:
            raise ConfigError(f"a budget of {value:g} {name} leaves no time to train; give more than 0")

    def total(self, steps_per_epoch: int) -> float:
        """The whole budget, in seconds or in steps."""
        if self.seconds is not None:
            return self.seconds
        return float(self.steps or (self.epochs or 0) * steps_per_epoch)


def parse_budget(text: str | float) -> dict[str, Any]:
    """Read "90s", "10min", "1.5h", "400steps" or a number of seconds into fields of a plan."""
    match = re.fullmatch(r"\s*([\d.]+)\s*([a-z]*)\s*", str(text).lower())
    number, unit = (match.group(1), match.group(2) or "s") if match else ("", "")
    if unit in ("steps", "step") and number.isdigit() and int(number) > 0:
        return {"budget_seconds": None, "trial_steps": int(number)}
    if unit in UNITS and number.replace(".", "", 1).isdigit() and float(number) > 0:
        return {"budget_seconds": float(number) * UNITS[unit], "trial_steps": None}
    raise ConfigError(f"cannot read the budget {text!r}; write 90s, 10min, 1.5h or 400steps")


def training_budget(text: str | float) -> Budget:
    """Read "90s", "10min", "400steps" or "12epochs"."""
    written = str(text).strip()
    if written.endswith(("epochs", "epoch")):
        number = written.removesuffix("s").removesuffix("epoch").strip()
        if not number.isdigit():
            raise ConfigError(f"cannot read the budget {text!r}; write 12epochs, 400steps or 10min")
        return Budget(epochs=int(number))
    parsed = parse_budget(text)
    return Budget(seconds=parsed["budget_seconds"], steps=parsed["trial_steps"])
