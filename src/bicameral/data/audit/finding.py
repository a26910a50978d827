"""What a check says: a level, one sentence, and the files or rows it means."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, get_args

Level = Literal["FAIL", "WARN", "PASS", "SKIP"]
HARM = 0.02  # share of the part that judges; a fault that reaches less of it warns
MOST_NAMED, SHOWN = 20, 3  # files and rows kept with a finding, and printed


class Outcome(NamedTuple):
    """The answer of one check, before it is given its name."""

    level: Level
    message: str
    where: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the audit."""

    check: str
    level: Level
    message: str
    where: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = ", ".join(self.where[:SHOWN]) + (", ..." if len(self.where) > SHOWN else "")
        return f"  {self.level}   {self.check}: {self.message}" + (f" ({named})" if named else "")


@dataclass(frozen=True)
class Audit:
    """Every finding about one data set and one split."""

    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed; warnings do not block."""
        return not self.at("FAIL")

    def at(self, level: Level) -> tuple[Finding, ...]:
        """Return the findings of one level."""
        return tuple(finding for finding in self.findings if finding.level == level)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON, the worst findings first."""
        ranked = [finding for level in get_args(Level) for finding in self.at(level)]
        findings = [{**asdict(finding), "where": list(finding.where)} for finding in ranked]
        return {"passed": self.passed, "findings": findings}

    def __str__(self) -> str:
        counts = "  ".join(f"{level} {len(self.at(level))}" for level in ("PASS", "WARN", "FAIL"))
        return "\n".join([f"audit    {counts}", *map(str, (*self.at("FAIL"), *self.at("WARN")))])


def ok(message: str) -> Outcome:
    """Nothing was found."""
    return Outcome("PASS", message)


def skip(reason: str) -> Outcome:
    """The check does not apply."""
    return Outcome("SKIP", reason)


def warn(message: str, where: Iterable[str] = ()) -> Outcome:
    """Something a person should look at."""
    return Outcome("WARN", message, _shorten(where))


def fail(message: str, where: Iterable[str] = ()) -> Outcome:
    """Something that makes the comparison worthless until it is mended."""
    return Outcome("FAIL", message, _shorten(where))


def _shorten(where: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, where)))[:MOST_NAMED]
