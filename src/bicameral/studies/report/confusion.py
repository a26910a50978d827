"""The confusion heat map, and the pairs of classes most often confused."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from bicameral.studies.report.svg import element, label, picture, shortened

MOST_CLASSES = 40
_NUMBERED = 16


def confusion_map(confusion: Mapping[str, Any], width: int) -> Markup:
    """Draw rows of true and columns of predicted classes; shade is the share of the row."""
    classes, counts = confusion["classes"], confusion["counts"]
    letters = max(3, min(14, max(map(len, classes))))
    edge = 14 + letters * 6.6
    cell = min(40.0, (width - edge - 4) / len(classes))
    cells = [
        _cell(edge + column * cell, 6 + row * cell, cell, num, sum(line), (row == column, len(classes)))
        for row, line in enumerate(counts)
        for column, num in enumerate(line)
    ]
    size = cell * len(classes)
    names = [_names(place, name, cell, edge, size, letters) for place, name in enumerate(classes)]
    ground = element("rect", x=edge, y=6.0, width=size, height=size, class_="ground")
    title = f"Confusion of {len(classes)} classes; rows are true, columns predicted"
    return picture(width, 6 + size + edge, title, ground, *cells, *names)


def _cell(x: float, y: float, size: float, num: int, total: int, place: tuple[bool, int]) -> Markup:
    on_diagonal, num_classes = place
    share = num / total if total else 0.0
    kind = "right" if on_diagonal else "wrong"
    # The square root lets a handful of mistakes be seen beside hundreds of right answers.
    shade = share if on_diagonal else share**0.5
    gap = 1 if size > 8 else 0
    box = element(
        "rect",
        x=x,
        y=y,
        width=size - gap,
        height=size - gap,
        class_=f"cell {kind}",
        fill_opacity=float(shade),
    )
    if not num or num_classes > _NUMBERED:
        return box
    dark = " strong" if shade > 0.55 else ""
    middle = (x + size / 2, y + size / 2 + 4)
    return box + label(*middle, str(num), class_=f"count{dark}", text_anchor="middle")


def _names(place: int, name: str, cell: float, edge: float, size: float, letters: int) -> Markup:
    if cell < 9 and place % 4:
        return Markup("")
    middle, text = (place + 0.5) * cell, shortened(name, letters)
    left = label(edge - 8, 6 + middle + 4, text, class_="tick", text_anchor="end")
    x, y = edge + middle + 3, 6 + size + 12
    upright = len(text) * 6.6 < cell
    if upright:
        return left + label(x - 3, y + 4, text, class_="tick", text_anchor="middle")
    turned = f"rotate(-90 {x:.1f} {y:.1f})"
    return left + label(x, y, text, class_="tick", text_anchor="end", transform=turned)


def most_confused(confusion: Mapping[str, Any], most: int = 6) -> list[dict[str, Any]]:
    """Return the commonest mistakes: true class, predicted class, how often, out of how many."""
    classes, counts = confusion["classes"], confusion["counts"]
    wrong = [
        {"true": classes[row], "predicted": classes[column], "num": num, "total": sum(line)}
        for row, line in enumerate(counts)
        for column, num in enumerate(line)
        if row != column and num
    ]
    return sorted(wrong, key=lambda item: -item["num"])[:most]
