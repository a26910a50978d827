"""Plain texts to be continued: each .txt file is one text, whatever its lines."""

from pathlib import PurePosixPath

from bicameral.data.dataset import Dataset, Fault
from bicameral.data.read.files import Blob
from bicameral.data.read.labels.parts import part_of, published
from bicameral.data.read.request import Request
from bicameral.errors import DataError, nearest


def plain_texts(request: Request, parts: list[tuple[str, Blob]], faults: list[Fault]) -> Dataset | None:
    """Read each .txt file as one text; None where there is none, or another kind is asked for."""
    part_of_blob = {blob: part for part, blob in parts if blob.suffix == ".txt"}
    if not part_of_blob or request.kind not in (None, "text"):
        return None
    _no_options(request)
    strangers = [Fault(blob.name, "left out: no .txt") for _, blob in parts if blob not in part_of_blob]
    read = {blob: _text(blob) for blob in part_of_blob}
    texts = {blob: text for blob, text in read.items() if isinstance(text, str)}
    broken = [fault for fault in read.values() if isinstance(fault, Fault)]
    if not texts:
        raise DataError(
            f"{request.name} holds no text to continue; the first is {broken[0].where}: {broken[0].what}"
        )
    return Dataset(
        name=request.name,
        kind="text",
        items=list(texts.values()),
        ids=[blob.name for blob in texts],
        split=published([part_of_blob[blob] for blob in texts], request.name),
        faults=(*faults, *strangers, *broken),
    )


def by_folder(blobs: list[Blob]) -> list[tuple[str, Blob]]:
    """Each file with the part that a folder above it names: train/, val/ or test/."""
    folders = {blob: PurePosixPath(blob.name).parts[:-1] for blob in blobs}
    return [
        (next((part for word in words if (part := part_of(word))), ""), blob)
        for blob, words in folders.items()
    ]


def _no_options(request: Request) -> None:
    for option in request.options:
        if option != "labels":
            raise DataError(
                f"plain texts have no option {option!r}{nearest(option, ('context', 'unit', 'metric'))}"
            )


def _text(blob: Blob) -> str | Fault:
    try:
        text = blob.read().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        return Fault(blob.name, f"not UTF-8 (byte {error.start}); save it as UTF-8")
    except DataError as error:
        return Fault(blob.name, str(error))
    return text if text.strip() else Fault(blob.name, "holds no text")
