"""How files get their labels: from a table, from their own names, or from the folders they lie in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from bicameral.data.dataset import Fault
from bicameral.data.read.files import Blob, blob_of
from bicameral.data.read.labels.lists import parts_by_list
from bicameral.data.read.labels.matching import match
from bicameral.data.read.labels.parts import part_of
from bicameral.data.read.labels.targets import why_unlabelled
from bicameral.data.read.tables.columns import FILE, GROUP, LABEL, SPLIT, pick
from bicameral.data.read.tables.table import TABLES, Table, read_table
from bicameral.errors import DataError

DOCUMENTS = (".md", ".rst", ".pdf", ".html", "")  # read me, licence: belong to the set, are no example
LAYOUTS = (
    "one folder a class (cat/1.png, dog/2.png), the same inside train/ val/ test/, a labels.csv with the "
    "columns file,label, or pattern=r'(?P<label>...)' for labels in file names (labels=False reads without)"
)


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Where the labels of a folder of files stand; everything may be left to be found."""

    labels: str | bool | None = (
        None  # name of the table; False: the files have none, they are to be predicted
    )
    file: str | None = None  # its column of file names
    target: str | None = None
    group: str | None = None
    split: str | None = None
    pattern: str | None = None  # expression on the file name with (?P<label>), (?P<group>) or (?P<split>)


@dataclass(frozen=True, kw_only=True)
class Example:
    """One file, or the frames of one clip, and what its surroundings say about it."""

    name: str
    blobs: tuple[Blob, ...]
    label: str = ""
    group: str = ""
    part: str = ""


def examples(
    files: list[Blob], suffixes: Sequence[str], options: Labels, *, frames: bool = False
) -> tuple[list[Example], list[Fault]]:
    """Label every file with one of `suffixes`; what cannot be labelled becomes a fault.

    frames  each innermost folder is one example, its files in the order of their names
    """
    table = _find_table(files, suffixes, options)
    index = table.name if table else ""
    listed = [blob for blob in files if blob.suffix in suffixes and blob.name != index]
    parts, lists = parts_by_list(files, [blob.name for blob in listed])
    faults = _strangers([blob for blob in files if blob.name not in lists], suffixes, table)
    bare = (
        _clips_of_frames(listed)
        if frames
        else [
            Example(name=blob.name, blobs=(blob,), part=part)
            for blob, part in zip(listed, parts, strict=True)
        ]
    )
    if options.labels is False:
        return bare, faults
    if options.pattern:
        labelled, more = _by_pattern(bare, options.pattern)
    elif table:
        labelled, more = _by_table(bare, table, options)
    else:
        labelled, more = _by_folder(bare)
    if not labelled or (not table and len({example.label for example in labelled}) < 2):
        raise DataError(_no_labels(listed, labelled, more))
    return labelled, faults + more


def _no_labels(listed: list[Blob], labelled: list[Example], faults: list[Fault]) -> str:
    seen = ", ".join(blob.name for blob in listed[:3])
    reason = f" ({faults[0].where}: {faults[0].what})" if faults else ""
    found = f"the one label {labelled[0].label!r}" if labelled else "no label"
    return f"{len(listed)} files ({seen}, ...) and {found} for them{reason}; give {LAYOUTS}"


def _strangers(files: list[Blob], suffixes: Sequence[str], table: Table | None) -> list[Fault]:
    expected = {table.name} if table else set()
    return [
        Fault(blob.name, f"left out: not one of {' '.join(suffixes)}")
        for blob in files
        if blob.suffix not in (*suffixes, *DOCUMENTS) and blob.name not in expected
    ]


def _clips_of_frames(files: list[Blob]) -> list[Example]:
    folders: dict[str, list[Blob]] = {}
    for blob in files:
        folders.setdefault(str(PurePosixPath(blob.name).parent), []).append(blob)
    return [
        Example(name=folder, blobs=tuple(sorted(frames, key=lambda blob: _natural(blob.name))))
        for folder, frames in folders.items()
    ]


def _natural(name: str) -> list[tuple[int, str]]:
    # frame_10 comes behind frame_9
    return [(int(piece) if piece.isdigit() else -1, piece) for piece in re.split(r"(\d+)", name)]


def _find_table(files: list[Blob], suffixes: Sequence[str], options: Labels) -> Table | None:
    names = [blob.name for blob in files if blob.suffix in suffixes]
    tables = [blob for blob in files if blob.suffix in TABLES and "/" not in blob.name]
    if options.labels:
        chosen = [blob for blob in files if blob.name == options.labels] or _elsewhere(files, options.labels)
        if not chosen:
            seen = ", ".join(blob.name for blob in tables) or "none"
            raise DataError(f"no table {options.labels!r} beside the files; tables there: {seen}")
        return read_table(chosen[0])
    if options.pattern or options.labels is False:
        return None
    usable = (read_table(blob) for blob in tables)
    return next((table for table in usable if _is_of_labels(table, names, options)), None)


def _elsewhere(files: list[Blob], written: str | bool) -> list[Blob]:
    """Return the table that is named by its path from the folder that was read, such as ../index.csv."""
    on_disk = next((blob for blob in files if not blob.member), None)
    if on_disk is None:
        return []
    path = Path(str(on_disk.path).removesuffix(on_disk.name)) / str(written)
    return [blob_of(path)] if path.is_file() else []


def _is_of_labels(table: Table, names: list[str], options: Labels) -> bool:
    known = table.name == "labels.csv" or options.target or pick(table, LABEL, None)
    return bool(known) and _file_column(table, names) is not None


def _file_column(table: Table, names: list[str]) -> str | None:
    """Return the column whose cells name the files, if half of them or more do."""
    for column in sorted(table.columns, key=lambda column: column.lower() not in FILE):
        cells = table.columns[column]
        hits = sum(row is not None for row in match(cells, names))
        if cells and 2 * hits >= len(cells):
            return column
    return None


def _by_table(bare: list[Example], table: Table, options: Labels) -> tuple[list[Example], list[Fault]]:
    names = [example.name for example in bare]
    file = pick(table, FILE, options.file) if options.file else _file_column(table, names)
    label = pick(table, LABEL, options.target)
    if file is None or label is None:
        missing = "file names" if file is None else "labels"
        option = "file" if file is None else "target"
        raise DataError(
            f"{table.name} has no column of {missing}; its columns are {table.seen}; pass {option}="
        )
    group, split = pick(table, GROUP, options.group), pick(table, SPLIT, options.split)
    found: dict[int, Example] = {}
    faults = list(table.faults)
    for line, row in enumerate(match(table.columns[file], names)):
        problem = _problem(row, found, table.columns[label][line])
        if problem or row is None:
            faults.append(Fault(table.where(line), f"{table.columns[file][line]!r} {problem}"))
            continue
        found[row] = replace(
            bare[row],
            label=table.columns[label][line],
            group=table.columns[group][line] if group else "",
            part=table.columns[split][line] if split else "",
        )
    faults += [Fault(name, f"not in {table.name}") for row, name in enumerate(names) if row not in found]
    return [found[row] for row in sorted(found)], faults


def _problem(row: int | None, found: dict[int, Example], label: str) -> str:
    if row is None:
        return "is listed, and no such file (or more than one) is there"
    if row in found:
        agrees = "once more" if found[row].label == label else f"twice, as {found[row].label!r} and {label!r}"
        return f"is listed {agrees}"
    return f"has an {why}" if (why := why_unlabelled(label)).startswith("e") else why


def _by_pattern(bare: list[Example], pattern: str) -> tuple[list[Example], list[Fault]]:
    named = _compile(pattern)
    labelled, faults = ([], []) if "label" in named.groupindex else _by_folder(bare)
    kept = []
    for example in labelled or bare:
        hit = named.search(example.name)
        if hit is None:
            faults.append(Fault(example.name, f"name does not fit the pattern {pattern!r}"))
            continue
        words = {name: value or "" for name, value in hit.groupdict().items()}
        kept.append(
            replace(
                example,
                label=words.get("label", example.label),
                group=words.get("group", example.group),
                part=words.get("split", example.part),
            )
        )
    return kept, faults


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        named = re.compile(pattern)
    except re.error as error:
        raise DataError(f"the pattern {pattern!r} is no regular expression: {error}") from error
    if not {"label", "group", "split"} & set(named.groupindex):
        raise DataError(f"the pattern {pattern!r} names nothing; write (?P<label>...), (?P<group>...) in it")
    return named


def _by_folder(bare: list[Example]) -> tuple[list[Example], list[Fault]]:
    """Label by the first folder below the parts; folders inside a class are groups."""
    steps = [example.name.split("/")[:-1] for example in bare]
    skip = _wrapping(steps)
    parted = _is_parted([path[skip:] for path in steps])
    labelled, faults = [], []
    for example, path in zip(bare, steps, strict=True):
        part = part_of(path[skip]) if parted and len(path) > skip else None
        inner = path[skip + parted :]
        if not inner or (parted and part is None):
            faults.append(Fault(example.name, "lies outside every class folder"))
        elif re.fullmatch(r"_.*_", inner[0]):
            faults.append(Fault(example.name, f"left out: a folder like {inner[0]} is no class"))
        else:
            group = "/".join(inner) if len(inner) > 1 else ""
            labelled.append(replace(example, label=inner[0], group=group, part=part or example.part))
    return labelled, faults


def _is_parted(steps: list[list[str]]) -> bool:
    """Return whether the outer folders are train, test ... and the classes lie below them."""
    tops = {path[0] for path in steps if path}
    parts = {part_of(top) for top in tops} - {None}
    return (len(parts) > 1 or len(parts) == len(tops) == 1) and any(len(path) > 1 for path in steps)


def _wrapping(steps: list[list[str]]) -> int:
    """Count the outer folders that every file shares, so that pictures/cat/1.png is read too."""
    deepest = min((len(path) for path in steps if path), default=0)
    folders = [path for path in steps if path]
    depth = 0
    while depth + 1 < deepest and len({path[depth] for path in folders}) == 1:
        if part_of(folders[0][depth]):
            break
        depth += 1
    return depth
