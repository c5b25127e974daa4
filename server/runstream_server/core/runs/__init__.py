"""Runs: their life, their params and tags, their writers.

Whoever changes a run locks its log head first; `locks` does that, together with the numbers of
writers' records. The modules' functions work inside a transaction that the caller holds, so several
make one change; `Runs` wraps each into one of its own.
"""

from runstream_server.core.runs.input_values import Dataset, DatasetInput, ModelOutput, RunInputs
from runstream_server.core.runs.runs import Runs
from runstream_server.core.runs.searching import RunSearch, ShownKeys
from runstream_server.core.runs.values import (
    NewRun,
    RecordId,
    Run,
    RunStatus,
    SkippedRows,
    Writer,
)

__all__ = [
    "Dataset",
    "DatasetInput",
    "ModelOutput",
    "NewRun",
    "RecordId",
    "Run",
    "RunInputs",
    "RunSearch",
    "RunStatus",
    "Runs",
    "ShownKeys",
    "SkippedRows",
    "Writer",
]
