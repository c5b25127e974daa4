"""Searches for runs find what plain Python finds, whatever is stored, asked and paged."""

from collections.abc import Sequence

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream.v1 import experiment_pb2, run_service_pb2 as pb
from runstream_server.core.filters import Expression, OrderBy
from runstream_server.storage.schema import metadata
from tests.contract.tracking.search_model import (
    ModelRun,
    expected,
    expressions,
    model_runs,
    orders,
    stored_rows,
)
from tests.contract.tracking.serving import Tracking

QUESTIONS = st.lists(
    st.tuples(expressions(), orders(), st.sampled_from((1, 2, 3, 100))), min_size=10, max_size=10
)
EXPERIMENTS = st.lists(st.sampled_from(("0", "1", "7")), max_size=3)


async def store(tracking: Tracking, runs: Sequence[ModelRun]) -> None:
    """Stores these runs and no others."""

    async def work(connection: AsyncConnection) -> None:
        for name in ("runs", "params", "tags", "series"):
            await connection.execute(sa.delete(metadata.tables[name]))
        for run in runs:
            for name, rows in stored_rows(run).items():
                if rows:
                    await connection.execute(sa.insert(metadata.tables[name]), rows)

    await tracking.database.write(work)


async def found(tracking: Tracking, request: pb.SearchRunsRequest) -> list[str]:
    """Returns the ids that a search finds, page by page."""
    ids: list[str] = []
    while True:
        page = await tracking.runs.SearchRuns(request)
        assert len(page.runs) <= request.page_size
        assert len(page.runs) == request.page_size or not page.next_page_token
        ids += [run.run_id for run in page.runs]
        if not page.next_page_token:
            return ids
        request.page_token = page.next_page_token


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(runs=model_runs(), questions=QUESTIONS, experiment_ids=EXPERIMENTS)
async def test_searches_find_what_the_model_finds(
    tracking: Tracking,
    runs: list[ModelRun],
    questions: list[tuple[Expression | None, list[OrderBy], int]],
    experiment_ids: list[str],
) -> None:
    await store(tracking, runs)
    there = [run for run in runs if not experiment_ids or str(run.experiment_id) in experiment_ids]

    for expression, order, page_size in questions:
        request = pb.SearchRunsRequest(
            experiment_ids=experiment_ids,
            filter="" if expression is None else str(expression),
            order_by=[str(key) for key in order],
            view_type=experiment_pb2.VIEW_TYPE_ALL,
            page_size=page_size,
        )
        assert await found(tracking, request) == expected(there, expression, order)
