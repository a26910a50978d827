"""What a model declares of itself, checked when it is registered and when it is built."""

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from bicameral.errors import ConfigError, nearest

Family = Literal["convolutional", "recurrent", "hybrid", "attention", "baseline", "control"]
Form = Literal["map", "line", "volume", "sequence", "frames"]
Gives = Literal["maps", "steps", "vector", "frames", "forecast", "next", "answer"]
Fitted = Literal["gradient", "ridge", "count", "fit", "windows"]

NEEDED: Mapping[Gives, Mapping[str, str]] = {  # attributes of what is built, and what they mean
    "maps": {"channels": "of each map", "strides": "of each map", "time_axis": "of the maps"},
    "steps": {"width": "of a step"},
    "vector": {"width": "of the vector"},
    "frames": {"width": "of a map", "stride": "down and across"},
    "forecast": {},
    "next": {"width": "of a step"},
    "answer": {"width": "of the answer"},
}
METHODS = {
    "count": "count(sequences)",
    "fit": "fit(x, lengths, targets, loss, folds)",
    "windows": "fit_windows(x, y)",
}
ONCE_ON_THE_CLASS = ("sizes", "closed_form", "kinds", "numbers", "exempt")  # declared to the decorator since


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One registered model: its class, its config, how it reads and answers, and how it is fitted."""

    name: str
    cls: type  # built with (shape, config): of one example as `reads` has it, without the batch
    config: type  # a frozen dataclass in which every field has a default
    family: Family
    reads: Form  # map (c h w), line (c t), volume (c t h w), sequence (t d), frames (t c h w)
    gives: Gives  # maps, steps (b t d), vector (b d), frames (b t d h w), forecast, or the answer itself
    paper: str
    sizes: Mapping[str, Mapping[str, Any]]  # config overrides by name, smallest first: tuning tries them
    causal: bool = False  # says something at every step of a sequence, from it and those before
    shortens: bool = False  # gives fewer steps than it reads, as many as its `output_lengths(lengths)`
    fitted: Fitted = "gradient"  # ridge: its head alone; else by its method of METHODS
    prepares: bool = False  # looks at training inputs first: `prepare(x, lengths)`
    kinds: tuple[str, ...] = ("text", "series")  # of data, where it answers without a head
    numbers: bool = False  # answers with numbers too, where it answers without a head
    bounded: tuple[str, ...] = ()  # fields of the config that may not exceed a segment of training
    source: str = ""  # of a user's own: "file.py:Name", from which another process imports it
    exempt: Mapping[str, str] = dataclasses.field(default_factory=dict)  # from a law, and why

    def __post_init__(self) -> None:
        for fault in self._faults():
            raise ConfigError(f"{self.name}: {fault}")

    @property
    def closed_form(self) -> bool:
        """Whether it is solved at once instead of trained by gradient."""
        return self.fitted != "gradient"

    @property
    def answers(self) -> bool:
        """Whether what it gives is the answer, at every step or to the whole: it needs no head."""
        return self.gives in ("next", "answer")

    @property
    def fields(self) -> frozenset[str]:
        """Names of the fields of the config."""
        return frozenset(field.name for field in dataclasses.fields(self.config))

    @property
    def recurrent(self) -> bool:
        """Whether it carries a state from step to step."""
        return hasattr(self.cls, "initial_state")

    @cached_property
    def takes_lengths(self) -> bool:
        """Whether its `forward` is told the valid frames of each row."""
        return "lengths" in inspect.signature(self.cls.forward).parameters

    def configure(self, overrides: Mapping[str, Any]) -> Any:
        """Build the config, naming an unknown field and the nearest known one."""
        for key in overrides:
            if key not in self.fields:
                hint = nearest(key, self.fields)
                raise ConfigError(f"no {self.config.__name__} field called {key!r}{hint}")
        return self.config(**overrides)

    def build(self, shape: tuple[int, ...], config: Any) -> Any:
        """Build the module for examples of `shape`, and see that it says of itself what its readers need."""
        built = self.cls(shape, config)
        for attribute, meaning in NEEDED[self.gives].items():
            if not hasattr(built, attribute):
                raise ConfigError(
                    f"{self.name} gives {self.gives} and has no `{attribute}` ({meaning}); set it in __init__"
                )
        return built

    def _faults(self) -> Iterator[str]:
        for field, words in (("family", Family), ("reads", Form), ("gives", Gives), ("fitted", Fitted)):
            if (word := getattr(self, field)) not in get_args(words):
                yield f"{field} is {word!r}; choose from {', '.join(get_args(words))}"
        if not (dataclasses.is_dataclass(self.config) and self.config.__dataclass_params__.frozen):  # pyright: ignore
            yield f"config is {self.config!r}; expected a class with @dataclass(frozen=True, kw_only=True)"
        for attribute in ONCE_ON_THE_CLASS:
            if attribute in vars(self.cls):
                instead = "fitted='ridge'" if attribute == "closed_form" else f"{attribute}=..."
                yield f"`{attribute}` stands on the class; write {instead} in @model(...)"
        yield from self._faults_of_the_class()
        yield from self._faults_of_sizes()

    def _faults_of_the_class(self) -> Iterator[str]:
        if not _takes_two(self.cls):
            yield "its constructor is called with (shape, config): of one example, and of its config class"
        asked = {METHODS[self.fitted]: f"fitted={self.fitted!r}"} if self.fitted in METHODS else {}
        asked |= {"prepare(x, lengths)": "prepares=True"} if self.prepares else {}
        asked |= {"output_lengths(lengths)": "shortens=True"} if self.shortens else {}
        asked |= {"initial_state(x_t)": "causal=True"} if self.causal else {}
        for method, why in asked.items():
            if not hasattr(self.cls, method.split("(")[0]):
                yield f"{why} asks for a method {method}"

    def _faults_of_sizes(self) -> Iterator[str]:
        if not self.sizes:
            yield (
                "it has no sizes, and would be tuned at one where others try several; add to @model(...):\n"
                '    sizes={"small": {...}, "medium": {...}, "large": {...}},  # overrides of its config\n'
                'or sizes={"default": {}}, where nothing can be made larger'
            )
        for overrides in self.sizes.values():
            self.configure(overrides)
        for field in self.bounded:
            if field not in self.fields:
                yield f"bounded names {field!r}, and {self.config.__name__} has no such field"


def _takes_two(cls: type) -> bool:
    """Whether a class can be called with two values."""
    try:
        inspect.signature(cls).bind(None, None)
    except TypeError:
        return False
    return True
