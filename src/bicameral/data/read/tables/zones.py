"""Zones behind time stamps: offsets and names, taken off and turned into seconds."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

ENDS_IN_ZONE = re.compile(r"(?:[A-Za-z\]]|:\d\d(?:\.\d+)?\s*[-+]\d\d(?::?\d\d)?)\s*$", re.MULTILINE)
OFFSET = re.compile(r"(.*:\d\d(?:\.\d+)?)\s*([-+]\d\d)(?::?(\d\d))?(?:\s*\[[\w/]+\])?")
NAMED = re.compile(r"(.*\d)\s*\[?([A-Z][A-Za-z]*(?:/\w+)*)\]?")
HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2,
    "EEST": 3, "MSK": 3, "JST": 9, "KST": 9, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7,
    "MDT": -6, "PST": -8, "PDT": -7,
    "AEST": 10, "AEDT": 11,
}  # fmt: skip  # ahead of Greenwich; names that several zones bear (CST, IST, BST) are none
UNKNOWN = None
Zone = tuple[str, int | None]  # as written, and the seconds it is ahead of Greenwich where that is known


def without_zones(cells: Sequence[str]) -> tuple[list[str], np.ndarray | None]:
    """Return stamps without their zones, and the seconds to take off each, or None where no zone stands.

    One zone without a known offset stays local time. Where several stand, a stamp of an unknown one is NaT,
    and where some have a zone and others none, so are the fewer.
    """
    plain = [cell.strip() for cell in cells]
    if not ENDS_IN_ZONE.search("\n".join(plain)):
        return plain, None
    parted = [_parted(cell) for cell in plain]
    zones = Counter(zone for _, zone in parted)
    if len(zones) == 1 and next(iter(zones))[1] is UNKNOWN:
        return [stamp for stamp, _ in parted], None
    bare = zones[("", UNKNOWN)]
    zoned = 2 * bare <= len(plain)  # the more stamps have one
    seconds = [_seconds(zone, zoned) for _, zone in parted]
    return [stamp for stamp, _ in parted], np.array(seconds, dtype="timedelta64[s]")


def _parted(cell: str) -> tuple[str, Zone]:
    if hit := OFFSET.fullmatch(cell):
        hours, minutes = int(hit[2]), int(hit[3] or 0)
        return hit[1], (hit[2] + (hit[3] or ""), 3600 * hours + (-60 if hit[2][0] == "-" else 60) * minutes)
    hit = NAMED.fullmatch(cell)
    if hit is None or hit[2].upper() in ("AM", "PM"):
        return cell, ("", UNKNOWN)
    hours = HOURS.get(hit[2].upper())
    return hit[1], (hit[2], UNKNOWN if hours is None else 3600 * hours)


def _seconds(zone: Zone, zoned: bool) -> np.timedelta64:
    name, seconds = zone
    if zoned != bool(name) or (zoned and seconds is UNKNOWN):
        return np.timedelta64("NaT")
    return np.timedelta64(seconds or 0, "s")
