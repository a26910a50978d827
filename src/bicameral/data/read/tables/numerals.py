"""Numbers as people write them: missing ones, units, currencies, thousands and decimal commas."""

import re
from collections.abc import Sequence

import numpy as np

MISSING = ("", "na", "n/a", "nan", "null", "none", "?", "-")
BAD_SHARE = 0.1  # a column with more unreadable cells than this is not a column of numbers
CURRENCIES = "$€£¥₹"
NUMERAL = re.compile(
    rf"(?P<open>\()?(?P<sign>[-+\u2212]?)[{CURRENCIES}]?\s?(?P<sign2>[-+\u2212]?)"
    r"(?P<digits>\d+(?:[.,]\d+)*[.,]?|\d{1,3}(?:['\u2019 \u00a0\u202f]\d{3})+(?:[.,]\d+)?|[.,]\d+)"
    rf"(?P<exponent>[eE][-+]?\d+)?\s?(?P<unit>[{CURRENCIES}%‰]|[^\W\d_]{{1,4}}(?:/[^\W\d_]{{1,3}})?|°[CF]?)?"
    r"(?(open)\))"
)
THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
DECIMAL_COMMA = re.compile(r"(\d+|\d{1,3}(\.\d{3})+),\d+")


def numbers(cells: Sequence[str]) -> tuple[np.ndarray, list[int]] | None:
    """Return the cells as float64 (missing = NaN) and the rows without a finite number; None if too many."""
    values = _plain_numbers(cells)
    if values is None:
        plain = ["nan" if is_missing(cell) else cell for cell in cells]
        read = [_number(cell) for cell in plain]
        if sum(map(np.isnan, read)) > plain.count("nan") and (written := without_units(cells)) is not None:
            read = [_number(cell) for cell in written]
        values, known = np.array(read), np.array([cell != "nan" for cell in plain], dtype=bool)
    else:
        known = ~np.isnan(values)
    bad = np.flatnonzero(known & ~(np.abs(values) <= np.finfo(np.float32).max)).tolist()
    values[bad] = np.nan
    return (values, bad) if len(bad) <= BAD_SHARE * len(cells) else None


def is_number(cell: str) -> bool:
    """Return whether the cell is written as a number."""
    return not np.isnan(_number(cell))


def is_missing(cell: str) -> bool:
    """Return whether the cell stands for no value."""
    return cell.strip().lower() in MISSING


def without_units(cells: Sequence[str]) -> list[str] | None:
    """Return numbers with one unit, currency or convention of commas as plain ones; None if they are none."""
    hits = [None if is_missing(cell) else NUMERAL.fullmatch(cell.strip()) for cell in cells]
    found = [hit for hit in hits if hit]
    some = sum(not is_missing(cell) for cell in cells)
    if (
        not found
        or len(found) < (1 - BAD_SHARE) * some
        or len({hit["unit"] for hit in found if hit["unit"]}) > 1
    ):
        return None
    comma = is_decimal_comma([hit["digits"] for hit in found])
    return [_plain(hit, comma) if hit else cell for hit, cell in zip(hits, cells, strict=True)]


def is_numeral(cell: str) -> bool:
    """Return whether the cell is a number in any of the ways in which people write one."""
    return is_number(cell) or NUMERAL.fullmatch(cell.strip()) is not None


def is_decimal_comma(digits: Sequence[str]) -> bool:
    """Return whether a comma stands before decimals: where one does not part thousands."""
    with_comma = [each.strip() for each in digits if "," in each]
    fit = all(DECIMAL_COMMA.fullmatch(each) for each in with_comma)
    parted = all(THOUSANDS.fullmatch(each) and each[0] != "0" for each in with_comma)
    return bool(with_comma) and fit and not parted


def _plain(hit: re.Match[str], comma: bool) -> str:
    digits = re.sub(r"['\u2019 \u00a0\u202f]", "", hit["digits"])
    digits = digits.replace(".", "").replace(",", ".") if comma else digits.replace(",", "")
    minus = bool(hit["open"]) or any(sign in "-\u2212" for sign in (hit["sign"] + hit["sign2"]))
    return f"{'-' if minus else ''}{digits}{hit['exponent'] or ''}"


def _plain_numbers(cells: Sequence[str]) -> np.ndarray | None:
    """Read plain numbers in one go; None where one cell is anything else."""
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
