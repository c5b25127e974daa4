"""Who has artifacts: runs and logged models, told apart by the form of their ids."""

import re
from collections.abc import Iterator
from typing import Any, Final

from runstream_server.core.artifact_roots import ARTIFACTS_FOLDER
from runstream_server.core.validation import check_hex_id, invalid_value
from runstream_server.objects.paths import Location

__all__ = [
    "check_model_id",
    "check_owner",
    "is_model_id",
    "is_owner_id",
    "owner_metadata",
    "owner_of",
    "owners_of",
]

MODEL_ID: Final = re.compile(r"m-[0-9a-f]{32}")
OWNER_ID: Final = re.compile(r"(m-)?[0-9a-f]{32}")


def is_owner_id(text: str) -> bool:
    """Tells whether a text has the form of an id."""
    return OWNER_ID.fullmatch(text) is not None


def is_model_id(owner_id: str) -> bool:
    """Tells whether an id is that of a logged model; else it is that of a run."""
    return owner_id.startswith("m-")


def check_owner(owner_id: str, field_prefix: str = "") -> str:
    """Checks the form of an id, about the field `run_id` or `model_id`."""
    if not is_model_id(owner_id):
        return check_hex_id(f"{field_prefix}run_id", owner_id)
    return check_model_id(f"{field_prefix}model_id", owner_id)


def check_model_id(field: str, model_id: str) -> str:
    """Checks the form of a logged model's id."""
    if MODEL_ID.fullmatch(model_id) is None:
        raise invalid_value(field, model_id, "use m- and 32 lower-case hexadecimal digits")
    return model_id


def owner_metadata(owner_id: str) -> dict[str, Any]:
    """Returns an owner as the metadata of failures name it."""
    if not owner_id:
        return {}
    return {"model_id" if is_model_id(owner_id) else "run_id": owner_id}


def owner_of(location: Location) -> str:
    """Returns the id in the base of an owner's location; empty for other locations."""
    *_, owner_id, last = ("", "", *location.base.split("/"))
    return owner_id if last == ARTIFACTS_FOLDER and is_owner_id(owner_id) else ""


def owners_of(location: Location) -> Iterator[tuple[str, Location]]:
    """Yields whose artifact a location may be by its names alone, the innermost owner first."""
    segments = location.segments
    for end in range(len(segments) - 1, 1, -1):
        base = Location(base="/".join(segments[:end]))
        owner_id = owner_of(base)
        if owner_id:
            yield owner_id, Location(base=base.base, path="/".join(segments[end:]))
