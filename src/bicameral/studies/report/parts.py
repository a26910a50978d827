"""The data card's figures: how the data was split, and how its classes are balanced over the parts."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from bicameral.studies.report.svg import Scale, element, label, picture, shortened

PARTS = ("train", "val", "judged", "test")
_MOST_ROWS = 24


def split_bar(split: Mapping[str, Any], width: int) -> Markup:
    """Draw the parts in proportion; split by time they lie in order, with the purged gaps between."""
    sizes = [(part, split[part]) for part in PARTS if split.get(part)]
    gap = 10 if split.get("unit") == "time" else 2
    room = width - gap * (len(sizes) - 1)
    total = sum(size for _, size in sizes)
    at, drawn = 0.0, []
    for part, size in sizes:
        wide = room * size / total
        drawn.append(element("rect", x=at, y=22, width=wide, height=30, class_=f"part {part}"))
        drawn += [label(at, 14, part, class_="note"), _size(at, wide, size, part)]
        at += wide + gap
    title = "Split: " + ", ".join(f"{part} {size}" for part, size in sizes)
    return picture(width, 56, title, *drawn)


def _size(at: float, wide: float, size: int, part: str) -> Markup:
    text = f"{size:,}"
    return label(at + 8, 42, text, class_=f"inside in-{part}") if wide > 12 + 8 * len(text) else Markup("")


def balance(classes: Sequence[Mapping[str, Any]], width: int) -> Markup:
    """Draw the examples of each class, stacked by part; of very many the commonest and the rarest."""
    rows = _shown(sorted(classes, key=lambda one: -_total(one)))
    letters = min(18 if width > 500 else 12, max(len(one["name"]) for one in rows))
    edge = 12 + letters * 6.8
    most = max(map(_total, rows)) or 1
    scale = Scale(low=0, high=most, start=0, end=width - edge - 52)
    drawn = [_class_row(one, place * 19.0, edge, scale, letters) for place, one in enumerate(rows)]
    title = f"Examples of {len(rows)} of {len(classes)} classes"
    return picture(width, 19 * len(rows) + 2, title, *drawn)


def _shown(ordered: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if len(ordered) <= _MOST_ROWS:
        return list(ordered)
    return [*ordered[: _MOST_ROWS // 2], *ordered[-_MOST_ROWS // 2 :]]


def _total(one: Mapping[str, Any]) -> int:
    return sum(one.get(part) or 0 for part in PARTS)


def _class_row(one: Mapping[str, Any], y: float, edge: float, scale: Scale, letters: int) -> Markup:
    drawn = [label(edge - 8, y + 13, shortened(one["name"], letters), class_="tick", text_anchor="end")]
    before = 0
    for part in PARTS:
        size = one.get(part) or 0
        left, wide = edge + scale(before), scale(size) - scale(0)
        drawn.append(
            element("rect", x=left, y=y + 3, width=max(wide - 1, 0.0), height=13, class_=f"part {part}")
        )
        before += size
    drawn.append(label(edge + scale(before) + 6, y + 13, f"{before:,}", class_="tick"))
    return Markup("").join(drawn)
