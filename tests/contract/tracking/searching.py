"""Makes runs to be found, and finds them."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from runstream.v1 import run_service_pb2 as pb
from tests.contract.tracking.serving import Tracking

__all__ = ["make", "names", "search"]


async def search(
    tracking: Tracking,
    **fields: Any,  # noqa: ANN401 - any of the request's fields
) -> pb.SearchRunsResponse:
    return await tracking.runs.SearchRuns(pb.SearchRunsRequest(**fields))


async def names(
    tracking: Tracking,
    **fields: Any,  # noqa: ANN401 - any of the request's fields
) -> list[str]:
    return [run.name for run in (await search(tracking, **fields)).runs]


async def make(tracking: Tracking, count: int, first: int = 0) -> None:
    """Makes runs named by their numbers, each a second later than the one before."""
    for number in range(first, first + count):
        await tracking.run(number, name=str(number), start_time=Timestamp(seconds=1_000 + number))
