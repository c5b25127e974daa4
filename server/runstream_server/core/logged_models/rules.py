"""What must be so of logged models, their names and labels."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.limits import (
    MAX_DATASET_DIGEST_LENGTH,
    MAX_DATASET_NAME_LENGTH,
    MAX_KEY_LENGTH,
    MAX_MODEL_LABEL_VALUE_LENGTH,
    MAX_MODEL_NAME_LENGTH,
)
from runstream_server.core.logged_models.values import NewModel
from runstream_server.core.model_points import MODEL_ID, model_not_found, require_id
from runstream_server.core.validation import (
    check_labels,
    check_text,
    invalid_value,
    missing_value,
)
from runstream_server.storage import model_rows
from runstream_server.storage.model_rows import ModelRow

__all__ = [
    "check_dataset_selector",
    "check_dataset_texts",
    "check_model_id",
    "check_model_labels",
    "check_new_model",
    "require_model",
]

BAD_NAME_CHARS: Final = "/:.%\"'"


def check_model_id(model_id: str) -> str:
    """Checks that a request names a model, in whatever form."""
    if not model_id:
        raise missing_value("model_id", "set it to the id of a logged model")
    return model_id


def check_new_model(new: NewModel) -> None:
    """Checks a model before it is created."""
    if new.model_id and not MODEL_ID.fullmatch(new.model_id):
        remedy = "use m- and 32 lower-case hexadecimal digits"
        raise invalid_value("model_id", new.model_id, remedy)
    check_text("name", new.name, MAX_MODEL_NAME_LENGTH)
    if any(char in new.name for char in BAD_NAME_CHARS):
        remedy = f"use a name without the characters {' '.join(BAD_NAME_CHARS)}"
        raise invalid_value("name", new.name, remedy)
    check_text("model_type", new.model_type, MAX_MODEL_NAME_LENGTH)
    check_text("source_run_id", new.source_run_id, MAX_KEY_LENGTH)
    check_model_labels("params", new.params)
    check_model_labels("tags", new.tags)


def check_model_labels(field: str, labels: Mapping[str, str]) -> None:
    """Checks params or tags of a model."""
    check_labels(field, labels, MAX_MODEL_LABEL_VALUE_LENGTH)


async def require_model(
    connection: AsyncConnection, model_id: str, *, lock: bool = False
) -> ModelRow:
    """Returns a model, deleted or not; locks it to change it.

    Raises:
        Failure: MODEL_NOT_FOUND.
    """
    row = await model_rows.find_model(connection, require_id(model_id), lock=lock)
    if row is None:
        raise model_not_found(model_id)
    return row


def check_dataset_selector(field: str, dataset: tuple[str, str]) -> None:
    """Checks what selects points by their dataset: a name, and perhaps a digest."""
    if not dataset[0]:
        raise missing_value(f"{field}.dataset_name", "name the dataset")
    check_dataset_texts(field, dataset)


def check_dataset_texts(field: str, dataset: tuple[str, str]) -> None:
    """Checks the name and the digest of a dataset, of which each may be empty."""
    check_text(f"{field}.dataset_name", dataset[0], MAX_DATASET_NAME_LENGTH)
    check_text(f"{field}.dataset_digest", dataset[1], MAX_DATASET_DIGEST_LENGTH)
