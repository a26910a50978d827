"""How long a network may train: in device-seconds, steps or epochs."""

from dataclasses import dataclass

from bicameral.errors import ConfigError


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
