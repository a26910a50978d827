"""Folders and zips: which of the known layouts the files in them make up."""

from dataclasses import replace
from functools import partial

from bicameral.data.dataset import Dataset, Fault, Kind
from bicameral.data.read.arrays import load_arrays, read_arrays
from bicameral.data.read.clips import read_clips
from bicameral.data.read.detect import are_frames, media_kind
from bicameral.data.read.files import Blob
from bicameral.data.read.frames import FRAMES
from bicameral.data.read.idx import is_idx, load_idx
from bicameral.data.read.images import read_images
from bicameral.data.read.labelled_series import read_ts
from bicameral.data.read.labels.parts import part_in_stem
from bicameral.data.read.piano_roll import read_piano_rolls
from bicameral.data.read.plain_text import by_folder, plain_texts
from bicameral.data.read.request import Request
from bicameral.data.read.series_files import are_series_files, read_series_files
from bicameral.data.read.sounds import read_sounds
from bicameral.data.read.tables.table import TABLES
from bicameral.data.read.tabular import read_tables
from bicameral.data.read.texts import read_class_files, read_text_files
from bicameral.errors import DataError

UNDERSTOOD = (
    "a folder or zip with one folder a class of pictures, clips, sounds or texts, also below train/ val/ "
    "test/, or with a labels.csv (file,label); CSV, TSV or JSONL of texts or series; .ts and UCR _TRAIN and "
    "_TEST files; .npz and .npy; idx files; one text file a class; .mat of piano rolls; with answer=next "
    "any .txt"
)
DOCUMENTS = (".md", ".rst", ".pdf", ".html")
DOCUMENT_STEMS = ("readme", "license", "licence", "about", "changelog", "notice", "citation")


def read_folder(request: Request, files: list[Blob], faults: list[Fault]) -> Dataset:
    """Read what a folder holds: media first, then arrays, texts and tables."""
    data = [blob for blob in files if not _is_document(blob)]
    if request.continues and request.kind in (None, "clip") and _are_clips(request, files):
        return _read_media(request.without("labels").unlabelled(), "clip", files, faults)
    if request.continues and (texts := plain_texts(request, by_folder(data), faults)):
        return texts
    media = request.kind if request.kind in ("image", "clip", "sound") else None
    found = media or (media_kind(files, request.name) if request.kind is None else None)
    arrays = [blob for blob in data if blob.suffix in (".npz", ".npy") or is_idx(blob)]
    if arrays and (found is None or not media_kind(files, request.name)):
        return _read_array_files(request, arrays)
    if found:
        return _read_media(request, found, files, faults)
    if texts := _read_texts(request, data, faults):
        return texts
    if request.kind in (None, "series") and are_series_files(data):
        return request.call_filed(read_series_files, request.name, data, faults)
    return read_files(request, _one_set(request.name, data))


def read_files(request: Request, parts: dict[str, Blob]) -> Dataset:
    """Read one file, or the files of the parts of one set."""
    blob = next(iter(parts.values()))
    if blob.suffix == ".mat":
        return read_piano_rolls(request.name, blob)
    if request.continues and (texts := plain_texts(request, list(parts.items()), [])):
        return texts
    if blob.suffix == ".ts":
        return request.call(read_ts, request.name, list(parts.items()))
    if blob.suffix in (".npz", ".npy"):
        return _read_array_files(request, list(parts.values()))
    if blob.suffix in (*TABLES, *FRAMES):
        return read_tables(request, parts)
    if kind := media_kind([blob], request.name):
        return _read_media(replace(request, options={"labels": False}), kind, [blob], [])
    raise DataError(f"{blob.name} is not a file that is understood; understood are: {UNDERSTOOD}")


def _are_clips(request: Request, files: list[Blob]) -> bool:
    return are_frames(files, request.kind) or media_kind(files, request.name) == "clip"


def _read_media(request: Request, found: Kind, files: list[Blob], faults: list[Fault]) -> Dataset:
    frames = are_frames(files, request.kind)
    if frames or found == "clip":
        return request.call_filed(read_clips, request.name, files, faults, frames=frames)
    reader = read_images if found == "image" else read_sounds
    return request.call_filed(reader, request.name, files, faults)


def _read_array_files(request: Request, blobs: list[Blob]) -> Dataset:
    if any(is_idx(blob) for blob in blobs):
        return request.call(partial(read_arrays, load_idx(blobs)), name=request.name)
    if len(blobs) > 1 and any(blob.suffix == ".npz" for blob in blobs):
        raise DataError(f"{request.name} holds several array files: {_listed(blobs)}; read one of them")
    return request.call(read_arrays, load_arrays(blobs), name=request.name)


def _read_texts(request: Request, data: list[Blob], faults: list[Fault]) -> Dataset | None:
    """Read class folders of .txt files, or one .txt file a class; None where that is not the layout."""
    texts = [blob for blob in data if blob.suffix == ".txt"]
    if request.kind == "series" or len(texts) < 2 or 2 * len(texts) < len(data):
        return None
    if any(part_in_stem(blob.stem)[1] for blob in texts if "/" not in blob.name):
        return None
    if all("/" in blob.name for blob in texts):
        return request.call_filed(read_text_files, request.name, data, faults)
    strangers = [Fault(blob.name, "left out: no .txt") for blob in data if blob not in texts]
    return request.call(read_class_files, request.name, texts, [*faults, *strangers])


def _one_set(name: str, data: list[Blob]) -> dict[str, Blob]:
    """Return the one table of a folder, or the parts of the one set that its files make up."""
    tables = [blob for blob in data if blob.suffix in (*TABLES, *FRAMES, ".ts")]
    if len(tables) == 1:
        return {"": tables[0]}
    sets: dict[str, dict[str, Blob]] = {}
    for blob in tables:
        stem, part = part_in_stem(blob.stem)
        folder = blob.name.rpartition("/")[0]
        sets.setdefault(f"{folder}/{stem}{blob.suffix}", {})[part or ""] = blob
    one = next(iter(sets.values()), {})
    if len(sets) == 1 and len(one) == len(tables):
        return {part: one[part] for part in ("train", "val", "test", "") if part in one}
    seen = _listed(data) if data else "nothing"
    advice = (
        "read one of them, or {'train': path, 'test': path}" if tables else f"understood are: {UNDERSTOOD}"
    )
    raise DataError(f"{name} holds {seen}, which is not one set of data; {advice}")


def _listed(files: list[Blob]) -> str:
    more = f" and {len(files) - 5} more" if len(files) > 5 else ""
    return ", ".join(blob.name for blob in files[:5]) + more


def _is_document(blob: Blob) -> bool:
    return blob.suffix in DOCUMENTS or blob.stem.lower().startswith(DOCUMENT_STEMS)
