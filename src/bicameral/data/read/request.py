"""What somebody asked to be read, and calling a reader with just the options that it knows."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bicameral.data.dataset import Dataset, Kind
from bicameral.data.read.labels.examples import Labels
from bicameral.errors import DataError, nearest


@dataclass(frozen=True, kw_only=True)
class Request:
    """The question put to `read`, carried to the reader that the data calls for."""

    name: str
    kind: Kind | None = None
    target: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)
    continues: bool = False  # what comes next is asked, so that labels do not matter

    def to_continue(self) -> "Request":
        """Return the request for the texts, clips or series that are to be continued."""
        asked = replace(self.without("answer"), continues=True)
        return asked.unlabelled() if self.kind == "text" else asked

    def unlabelled(self) -> "Request":
        """Return the request for examples without labels, unless it says where they stand."""
        return replace(self, options={"labels": False, **self.options})

    def without(self, *options: str, target: Any = None) -> "Request":
        """Return the request less some options, which have been dealt with."""
        rest = {key: value for key, value in self.options.items() if key not in options}
        return replace(self, options=rest, target=self.target if target is None else target)

    def call(self, reader: Callable[..., Dataset], *given: Any, **found: Any) -> Dataset:
        """Call the reader, refusing an option that it does not know and naming the nearest that it does."""
        positional = list(inspect.signature(reader).parameters)[: len(given)]
        known = set(inspect.signature(reader).parameters) - set(positional) - set(found)
        asked = {"kind": self.kind, "target": self.target} | dict(self.options)
        for option in self.options:
            if option not in known:
                hint = nearest(option, known - {"kind", "target", "name"})
                raise DataError(f"no option {option!r} for data like {self.name}{hint}")
        return reader(*given, **found, **{option: asked[option] for option in asked if option in known})

    def call_filed(self, reader: Callable[..., Dataset], *given: Any, **found: Any) -> Dataset:
        """Call a reader of many files, with the options that say where labels stand gathered into one."""
        fields = set(Labels.__dataclass_fields__)
        self._check(fields | {"answer"})
        labels = {key: value for key, value in self.options.items() if key in fields}
        return self.without(*fields).call(reader, *given, Labels(target=self.target, **labels), **found)

    def _check(self, known: set[str]) -> None:
        for option in self.options:
            if option not in known:
                hint = nearest(option, known - {"kind", "target", "name"})
                raise DataError(f"no option {option!r} for data like {self.name}{hint}")
