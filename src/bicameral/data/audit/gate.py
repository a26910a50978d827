"""What an audit must not have found before anything is trained."""

from collections.abc import Mapping, Sequence
from typing import Any

from bicameral.data.audit import CHECKS
from bicameral.errors import ConfigError, DataError, nearest

Override = bool | str | Sequence[str]  # every check, none, or those whose names hold one of these words


def raise_on_failure(found: Mapping[str, Any], *, override: Override) -> None:
    """Stop at a FAIL of an audit, unless somebody overrides every check or this one."""
    passed_over = overridden(override)
    failures = [
        finding
        for finding in found["findings"]
        if finding["level"] == "FAIL" and finding["check"] not in passed_over
    ]
    if failures:
        named = "; ".join(f"{finding['check']}: {finding['message']}" for finding in failures)
        raise DataError(
            f"the audit failed ({named}); mend the data, or override the audit and it will be printed"
        )


def overridden(override: Override) -> frozenset[str]:
    """Return the checks that may fail; `duplicates` names all checks with this word in their name."""
    if isinstance(override, bool):
        return frozenset(CHECKS if override else ())
    words = override.split(",") if isinstance(override, str) else override
    if not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"override_audit is {override!r}; expected true or false, or names of checks")
    return frozenset(check for word in words for check in _named(word.strip()))


def _named(word: str) -> list[str]:
    found = [check for check in CHECKS if word and word.lower() in check.lower()]
    if not found:
        hint = nearest(word, sorted({part for check in CHECKS for part in check.split()}))
        raise ConfigError(
            f"override_audit is {word!r}, and no check is called so{hint}; expected true or false, or names "
            "of checks, such as duplicates,groups"
        )
    return found
