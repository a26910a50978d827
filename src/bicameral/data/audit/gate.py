"""What an audit must not have found before anything is trained."""

from collections.abc import Mapping
from typing import Any

from bicameral.errors import DataError


def raise_on_failure(found: Mapping[str, Any], *, override: bool) -> None:
    """Stop at a FAIL of an audit, unless somebody overrides it."""
    failures = [finding for finding in found["findings"] if finding["level"] == "FAIL"]
    if failures and not override:
        named = "; ".join(f"{finding['check']}: {finding['message']}" for finding in failures)
        raise DataError(
            f"the audit failed ({named}); mend the data, or override the audit and it will be printed"
        )
