"""Texts that no database stores are refused where they are looked for, as where they are written.

PostgreSQL cannot even be asked for them.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from runstream.v1 import experiment_service_pb2 as experiment_pb, run_service_pb2 as pb
from tests.contract.tracking.serving import Tracking, hex_id

TEXT = "a\0b"
KEYS = pb.KeySet(keys=["loss", TEXT])

ASKED: dict[str, Callable[[Tracking], Awaitable[Any]]] = {
    "name": lambda tracking: tracking.experiments.GetExperimentByName(
        experiment_pb.GetExperimentByNameRequest(name=TEXT)
    ),
    "keys": lambda tracking: tracking.runs.DeleteTags(
        pb.DeleteTagsRequest(run_id=hex_id(1), keys=[TEXT])
    ),
    "param_keys.keys": lambda tracking: tracking.runs.SearchRuns(
        pb.SearchRunsRequest(param_keys=KEYS)
    ),
    "tag_keys.keys": lambda tracking: tracking.runs.SearchRuns(pb.SearchRunsRequest(tag_keys=KEYS)),
    "metric_keys.keys": lambda tracking: tracking.runs.SearchRuns(
        pb.SearchRunsRequest(metric_keys=KEYS)
    ),
}


@pytest.mark.parametrize("field", ASKED)
async def test_a_text_that_nothing_stored_can_be_is_refused(tracking: Tracking, field: str) -> None:
    await tracking.run(1)

    refusal = await tracking.refused(ASKED[field](tracking))

    assert (refusal.reason, refusal.metadata["field"]) == ("INVALID_VALUE", field)
    assert "remove the NUL character" in refusal.message
