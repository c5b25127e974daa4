"""As what artifacts are shown: by their names, and only what a browser shows without harm.

The table is the server's own: what the machine knows of types differs from one to the next.
"""

from typing import Final

__all__ = ["shown_type"]

TEXT: Final = "text/plain; charset=utf-8"

_TEXT_ENDINGS: Final = (
    "bat c cc cfg cff cff conf cpp cs css diff env err go h hpp hs ini ipynb java jl js jsonl jsx"
    " kt lock log lua md mdx mjs ndjson out patch php pl prop properties proto ps1 py pyi r rb rs"
    " rst scala sh sql srt swift tex toml ts tsv tsx txt vtt xml yaml yml"
)
_TEXT_NAMES: Final = (
    "Dockerfile LICENSE MLmodel MLproject Makefile README .gitignore .dockerignore .env"
)

_TYPES: Final = {
    **dict.fromkeys(_TEXT_ENDINGS.split(), TEXT),
    "aac": "audio/aac",
    "apng": "image/apng",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "csv": "text/csv; charset=utf-8",
    "flac": "audio/flac",
    "geojson": "application/json",
    "gif": "image/gif",
    "htm": "text/html; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webp": "image/webp",
}
_NAMES: Final = dict.fromkeys(_TEXT_NAMES.split(), TEXT)


def shown_type(name: str) -> str | None:
    """Returns the media type of a file that can be shown, None for one that can only be kept."""
    if name in _NAMES:
        return _NAMES[name]
    stem, dot, ending = name.rpartition(".")
    # A name that only begins with a dot has no ending.
    return _TYPES.get(ending.lower()) if dot and stem.strip(".") else None
