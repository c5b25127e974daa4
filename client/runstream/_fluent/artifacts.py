"""What is logged as a file: paths, and texts, dicts, figures and images as bytes."""

import io
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, cast, runtime_checkable

from runstream.errors import InvalidValue

__all__ = ["artifact_path", "dict_bytes", "figure_bytes", "files_below", "image_bytes"]

MAX_PATH_BYTES: Final = 1_024
MAX_SEGMENT_BYTES: Final = 255
FULL_INTENSITY: Final = 255

_BAD_IN_PATH: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")


@runtime_checkable
class _MatplotlibFigure(Protocol):
    def savefig(self, file: object, **options: object) -> object: ...


@runtime_checkable
class _PlotlyFigure(Protocol):
    def to_html(self, **options: object) -> str: ...

    def to_image(self, **options: object) -> bytes: ...


@runtime_checkable
class _PillowImage(Protocol):
    def save(self, file: object, **options: object) -> object: ...

    def convert(self, mode: str) -> object: ...


def artifact_path(*parts: str | os.PathLike[str] | None) -> str:
    """Joins the parts of an artifact's path, of which None and empty ones are left out.

    Raises:
        InvalidValue: if that is no path of an artifact.
    """
    texts = [os.fspath(part) for part in parts if part is not None]
    path = "/".join(text for text in texts if text)
    segments = path.split("/")
    if not path:
        problem = "is empty: name the file"
    elif bad := _BAD_IN_PATH.search(path):
        problem = f"holds the character {bad[0]!r}: leave it out"
    elif any(segment in {"", ".", ".."} for segment in segments):
        problem = "has an empty segment, '.' or '..': use a relative path such as 'plots/loss.png'"
    elif not _is_unicode(path):
        problem = "is not UTF-8: rename the file"
    elif len(path.encode()) > MAX_PATH_BYTES:
        problem = f"is longer than {MAX_PATH_BYTES} bytes: shorten it"
    elif any(len(segment.encode()) > MAX_SEGMENT_BYTES for segment in segments):
        problem = f"has a segment of more than {MAX_SEGMENT_BYTES} bytes: shorten it"
    else:
        return path
    raise InvalidValue(
        f"the artifact path {path!r:.300} {problem}",
        reason="INVALID_PATH",
        metadata={"field": "path", "value": ascii(path)[:300]},
    )


def files_below(folder: Path, prefix: str | None) -> Iterator[tuple[Path, str]]:
    """Yields the files in a folder and in its folders, each with its artifact's path, in order.

    Links to files are followed, links to folders are not.

    Raises:
        InvalidValue: if it is no folder, or if a file's name cannot be an artifact's.
    """
    if not folder.is_dir():
        raise InvalidValue(f"{folder} is not a folder: log a single file with log_artifact")
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(parent, name)
            if file.is_file():
                yield file, artifact_path(prefix, file.relative_to(folder).as_posix())


def dict_bytes(dictionary: object, path: str) -> bytes:
    """Returns a dict or a list as YAML, if the path ends so, else as JSON.

    Raises:
        InvalidValue: if it cannot be expressed so, or if YAML takes a library that is missing.
    """
    if PurePosixPath(path).suffix not in {".yml", ".yaml"}:
        try:
            return json.dumps(dictionary, indent=2, default=str, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidValue(f"{path} cannot be written as JSON: {error}") from error
    try:
        import yaml  # type: ignore[import-untyped,unused-ignore]  # the user's, if at all
    except ImportError as error:
        raise InvalidValue(
            f"{path} is YAML, which takes a library: pip install pyyaml, or name it .json"
        ) from error
    dump = cast("Any", yaml).safe_dump
    return str(dump(dictionary, sort_keys=False, allow_unicode=True)).encode()


def figure_bytes(figure: object, path: str, options: dict[str, object]) -> bytes:
    """Returns a matplotlib or plotly figure in the format that the path ends with.

    Raises:
        InvalidValue: if it is neither.
    """
    kind = PurePosixPath(path).suffix.removeprefix(".").lower()
    if isinstance(figure, _PlotlyFigure):
        if kind in {"", "html"}:
            return figure.to_html(**options).encode()
        return figure.to_image(format=kind, **options)
    if isinstance(figure, _MatplotlibFigure):
        buffer = io.BytesIO()
        figure.savefig(buffer, **{"format": kind or "png", **options})
        return buffer.getvalue()
    raise InvalidValue(
        f"log_figure takes figures of matplotlib and plotly, not {type(figure).__name__}: "
        "save it yourself, and use log_artifact"
    )


def image_bytes(image: object, path: str) -> bytes:
    """Returns an image in the format that the path ends with, PNG when it ends with none.

    Args:
        image: A Pillow image, or an array of shape (height, width) or (height, width, channels)
            with 1, 3 or 4 channels: integers from 0 to 255, or floats and booleans from 0 to 1.
        path: The artifact's path.

    Raises:
        InvalidValue: if it is none of these, or if Pillow is missing.
    """
    pillow = image if isinstance(image, _PillowImage) else _image_of_array(image)
    suffix = PurePosixPath(path).suffix.removeprefix(".").lower() or "png"
    kind = {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
    buffer = io.BytesIO()
    try:
        if kind == "jpeg":  # which knows no transparency
            pillow = cast("_PillowImage", pillow.convert("RGB"))
        pillow.save(buffer, format=kind)
    except (KeyError, OSError, ValueError) as error:
        raise InvalidValue(f"the image cannot be written to {path}: {error}") from error
    return buffer.getvalue()


def _image_of_array(image: object) -> _PillowImage:
    try:
        import numpy as np
        from PIL import Image
    except ImportError as error:
        raise InvalidValue(
            f"log_image takes libraries for arrays: pip install pillow numpy ({error})"
        ) from error
    if (torch := sys.modules.get("torch")) and isinstance(image, torch.Tensor):
        image = cast("Any", image).detach().cpu()
    array: Any = np.asarray(image)
    if array.dtype.kind in "fb":
        array = np.clip(array.astype(np.float64), 0, 1) * FULL_INTENSITY + 0.5
    elif array.dtype.kind not in "iu" or array.min() < 0 or array.max() > FULL_INTENSITY:
        raise InvalidValue(f"the image is of {array.dtype} beyond 0 to 255: scale it first")
    if array.ndim == 3 and array.shape[2] == 1:  # noqa: PLR2004 - height, width, channels
        array = array[:, :, 0]
    if array.ndim not in {2, 3} or array.shape[2:] not in {(), (3,), (4,)} or not array.size:
        raise InvalidValue(
            f"the image has the shape {array.shape}: use (height, width) or (height, width, "
            "channels) with 1, 3 or 4 channels"
        )
    return cast("_PillowImage", Image.fromarray(array.astype(np.uint8)))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
