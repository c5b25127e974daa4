"""What runs read and make: datasets and logged models."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core import reserved_tags
from runstream_server.core.clock import now_us
from runstream_server.core.limits import (
    MAX_DATASET_DIGEST_LENGTH,
    MAX_DATASET_NAME_LENGTH,
    MAX_DATASET_PROFILE_LENGTH,
    MAX_DATASET_SCHEMA_LENGTH,
    MAX_DATASET_SOURCE_LENGTH,
    MAX_INPUT_TAG_KEY_LENGTH,
    MAX_INPUT_TAG_VALUE_LENGTH,
)
from runstream_server.core.runs.input_values import (
    Dataset,
    DatasetInput,
    ModelOutput,
    RunInputs,
)
from runstream_server.core.validation import (
    MAX_INT64,
    check_count,
    check_key,
    check_number,
    check_text,
    missing_value,
)
from runstream_server.storage import input_rows, run_rows
from runstream_server.storage.input_rows import (
    DatasetRow,
    ModelLink,
    ModelRole,
)

__all__ = [
    "check_datasets",
    "check_models",
    "check_outputs",
    "load_inputs",
    "log_inputs",
    "log_outputs",
    "size_of_inputs",
]

INPUT_BYTES: Final = 64
"""How much an input, an output or a tag takes at most beside its texts."""


def check_datasets(inputs: Sequence[DatasetInput]) -> None:
    """Checks dataset inputs before they are logged."""
    check_count("datasets", inputs)
    for number, one in enumerate(inputs):
        _check_dataset(f"datasets[{number}].dataset", one.dataset)
        place = f"datasets[{number}].tags"
        check_count(place, one.tags)
        for key, value in one.tags.items():
            if not key:
                raise missing_value(f"{place}.key", "name the tag")
            check_text(f"{place}.key", key, MAX_INPUT_TAG_KEY_LENGTH)
            check_text(f"{place}[{key!r}]", value, MAX_INPUT_TAG_VALUE_LENGTH)


def check_models(model_ids: Sequence[str]) -> None:
    """Checks the ids of models that a run read."""
    check_count("models", model_ids)
    for number, model_id in enumerate(model_ids):
        check_key(f"models[{number}].model_id", model_id)


def check_outputs(outputs: Sequence[ModelOutput]) -> None:
    """Checks models that a run made."""
    check_models([output.model_id for output in outputs])
    for number, output in enumerate(outputs):
        check_number(f"models[{number}].step", output.step, -MAX_INT64 - 1, MAX_INT64)


def _check_dataset(place: str, dataset: Dataset) -> None:
    for name, limit in (
        ("name", MAX_DATASET_NAME_LENGTH),
        ("digest", MAX_DATASET_DIGEST_LENGTH),
    ):
        text: str = getattr(dataset, name)
        if not text:
            raise missing_value(f"{place}.{name}", f"set it to 1 to {limit} characters")
        check_text(f"{place}.{name}", text, limit)
    check_text(f"{place}.source_type", dataset.source_type, MAX_DATASET_NAME_LENGTH)
    check_text(f"{place}.source", dataset.source, MAX_DATASET_SOURCE_LENGTH)
    check_text(f"{place}.schema", dataset.schema or "", MAX_DATASET_SCHEMA_LENGTH)
    check_text(f"{place}.profile", dataset.profile or "", MAX_DATASET_PROFILE_LENGTH)


async def log_inputs(
    connection: AsyncConnection,
    run_id: str,
    datasets: Sequence[DatasetInput],
    model_ids: Sequence[str],
) -> None:
    """Logs what a run read, which the caller has locked. What it has already stays as it is."""
    changed = False
    if datasets:
        changed = await _log_datasets(connection, run_id, datasets)
    if model_ids:
        links = [ModelLink(model_id) for model_id in model_ids]
        changed |= await input_rows.add_models(connection, run_id, ModelRole.INPUT, links)
    if changed:
        await run_rows.update_run(connection, run_id, update_time_us=now_us())


async def log_outputs(
    connection: AsyncConnection, run_id: str, outputs: Sequence[ModelOutput]
) -> None:
    """Logs models that a run made, which the caller has locked."""
    links = [ModelLink(output.model_id, output.step) for output in outputs]
    if await input_rows.add_models(connection, run_id, ModelRole.OUTPUT, links):
        await run_rows.update_run(connection, run_id, update_time_us=now_us())


async def _log_datasets(
    connection: AsyncConnection, run_id: str, inputs: Sequence[DatasetInput]
) -> bool:
    stored = await input_rows.stored_inputs(connection, run_id)
    new: dict[tuple[str, str], DatasetInput] = {}
    for one in inputs:
        name = one.dataset.name, one.dataset.digest
        if name not in stored:
            new.setdefault(name, one)
    if not new:
        return False
    experiment_id = await input_rows.experiment_of_run(connection, run_id)
    rows = [DatasetRow(**asdict(one.dataset)) for one in new.values()]
    await input_rows.add_datasets(connection, experiment_id, rows, now_us())
    await input_rows.add_inputs(
        connection,
        run_id,
        experiment_id,
        [
            (name, number, one.tags.get(reserved_tags.DATASET_CONTEXT))
            for number, (name, one) in enumerate(new.items(), len(stored))
        ],
        [(name, key, value) for name, one in new.items() for key, value in one.tags.items()],
    )
    return True


async def load_inputs(connection: AsyncConnection, run_ids: Sequence[str]) -> dict[str, RunInputs]:
    """Returns what runs read and made; runs that did neither are left out."""
    inputs = await input_rows.inputs_of_runs(connection, run_ids)
    models = await input_rows.models_of_runs(connection, run_ids)
    ids = list(dict.fromkeys(one.run_id for one in inputs))
    tags = await input_rows.tags_of_inputs(connection, ids)
    datasets: dict[str, list[DatasetInput]] = {}
    for one in inputs:
        row = one.dataset
        dataset = Dataset(
            name=row.name,
            digest=row.digest,
            source_type=row.source_type,
            source=row.source,
            schema=row.schema,
            profile=row.profile,
        )
        labels = tags.get((one.run_id, row.name, row.digest), {})
        datasets.setdefault(one.run_id, []).append(DatasetInput(dataset, labels))
    found = dict.fromkeys([*ids, *(run_id for run_id, _ in models)])
    return {
        run_id: RunInputs(
            datasets=datasets.get(run_id, ()),
            models=[link.model_id for link in models.get((run_id, ModelRole.INPUT), ())],
            outputs=[
                ModelOutput(link.model_id, link.step)
                for link in models.get((run_id, ModelRole.OUTPUT), ())
            ],
        )
        for run_id in found
    }


def size_of_inputs(inputs: RunInputs) -> int:
    """Returns about how many bytes they take in a message, rather more than fewer."""
    texts: list[str] = [*inputs.models, *(output.model_id for output in inputs.outputs)]
    size = INPUT_BYTES * len(texts)
    for one in inputs.datasets:
        dataset = one.dataset
        texts += [dataset.name, dataset.digest, dataset.source_type, dataset.source]
        texts += [dataset.schema or "", dataset.profile or "", *one.tags, *one.tags.values()]
        size += INPUT_BYTES * (1 + len(one.tags))
    return size + sum(len(text.encode()) for text in texts)
