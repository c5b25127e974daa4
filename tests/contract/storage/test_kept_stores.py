"""Stores that older programs left: refused as they are, upgraded, read exactly, used further."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, Protocol

import grpc
import pytest
from google.protobuf.json_format import MessageToDict

from runstream.v1 import run_service_pb2, run_service_pb2_grpc
from runstream.v1.run_service_pb2 import KEY_KIND_METRIC, KEY_KIND_PARAM
from runstream_server.storage import setup, upgrades
from runstream_server.storage.schema import SCHEMA_VERSION
from tests.contract.backends import Backend
from tests.contract.storage.contents import contents, history
from tests.contract.storage.filling import (
    RANKS,
    ROWS,
    STREAMED,
    TAIL_ROWS,
    UNSEALED,
    rows_of,
    stream,
)
from tests.contract.storage.kept_store import FIRST_SCHEMA, kept_contents, lay_out
from tests.support.server import ServerProcess

DATABASE_REFUSED = 5
QUICK_SEALS: dict[str, Any] = {"seal_age": "0.2s", "log_retention": "1s"}
NO_SEALS: dict[str, Any] = {"seal_age": "30d", "seal_size": "1GB"}
MORE_ROWS = 40


class Serve(Protocol):
    """Starts a server over the kept store; servers end with the test."""

    def __call__(self, **flags: Any) -> ServerProcess: ...  # noqa: ANN401 - any flag


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store_uri(backend: Backend, data_dir: Path) -> str:
    """The database of the store of the first schema."""
    return lay_out(backend, data_dir)


@pytest.fixture
def serve(store_uri: str, data_dir: Path) -> Iterator[Serve]:
    places: dict[str, Any] = {"artifacts_destination": data_dir / "artifacts"}
    if store_uri:
        places["backend_store_uri"] = store_uri
    with ExitStack() as ending:

        def start(**flags: Any) -> ServerProcess:  # noqa: ANN401 - any flag
            return ending.enter_context(ServerProcess(data_dir, **places, **flags))

        yield start


def db(action: str, store_uri: str, data_dir: Path) -> "subprocess.CompletedProcess[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RUNSTREAM_")}
    uri = ["--backend-store-uri", store_uri] if store_uri else []
    command = [sys.executable, "-m", "runstream_server", "db", action, "--data-dir", str(data_dir)]
    return subprocess.run([*command, *uri], check=False, capture_output=True, text=True, env=clean)


def check_what_is_told_since(channel: grpc.Channel, kept: Any) -> None:  # noqa: ANN401 - a document
    """Compares what the first program did not tell of runs yet with what it did tell."""
    stub = run_service_pb2_grpc.RunServiceStub(channel)
    for run_id, told in kept.items():
        run = stub.GetRun(run_service_pb2.GetRunRequest(run_id=run_id)).run
        assert run.HasField("last_commit_time") == bool(told["history"])
        for metric in run.metrics:
            name = f"{metric.key}@{metric.rank}" if metric.HasField("rank") else metric.key
            shown, series = MessageToDict(metric), told["series"][name]
            assert (shown.get("min"), shown.get("max")) == (series.get("min"), series.get("max"))
    for kind, what in ((KEY_KIND_METRIC, "metrics"), (KEY_KIND_PARAM, "params")):
        runs = [told["run"].get(what, {}) for told in kept.values()]
        used = {each["key"] if what == "metrics" else each for run in runs for each in run}
        listed = stub.ListKeys(run_service_pb2.ListKeysRequest(kind=kind)).keys
        assert list(listed) == sorted(used)


def everything(channel: grpc.Channel) -> dict[str, dict[str, list[tuple[int, int, str]]]]:
    """Returns the histories of all runs."""
    runs = run_service_pb2_grpc.RunServiceStub(channel)
    found = runs.SearchRuns(run_service_pb2.SearchRunsRequest(page_size=1000)).runs
    return {run.run_id: history(channel, run.run_id) for run in found}


def written_points(rank: int, count: int) -> dict[str, list[tuple[int, int, str]]]:
    """Returns the points of a rank's first rows, by series."""
    written: dict[str, set[tuple[int, int, str]]] = {}
    for names, step, time, values in rows_of(rank, 0, count):
        for (key, _), value in zip(names, values, strict=True):
            written.setdefault(f"{key}@{rank}", set()).add((step, time, f"{value:016x}"))
    return {name: sorted(points) for name, points in written.items()}


def test_a_store_of_the_first_schema_is_upgraded_read_exactly_and_used_further(
    serve: Serve, store_uri: str, data_dir: Path
) -> None:
    with pytest.raises(AssertionError, match=f"exit code {DATABASE_REFUSED}") as refused:
        serve()
    assert "version 0001" in str(refused.value)
    assert "`runstream db upgrade`" in str(refused.value)
    upgraded = db("upgrade", store_uri, data_dir)
    assert upgraded.stdout == f"database={SCHEMA_VERSION} was=0001\n", upgraded.stderr

    server = serve(**NO_SEALS)
    with server.channel() as channel:
        kept = kept_contents(FIRST_SCHEMA)
        assert contents(channel) == kept
        check_what_is_told_since(channel, kept["runs"])
        asyncio.run(stream(server.grpc_address, STREAMED, ROWS + TAIL_ROWS, MORE_ROWS))
        asyncio.run(stream(server.grpc_address, UNSEALED, TAIL_ROWS, MORE_ROWS))
        before = everything(channel)
    assert server.terminate() == 0, server.log_tail()

    server = serve(**QUICK_SEALS)
    with server.channel() as channel:
        for run_id in (STREAMED, UNSEALED):
            server.wait_for_event("sealed", run_id=run_id)
        assert everything(channel) == before
    for run_id, rows in ((STREAMED, ROWS), (UNSEALED, 0)):
        for rank in range(RANKS):
            written = written_points(rank, rows + TAIL_ROWS + MORE_ROWS)
            assert {key: sorted(before[run_id][key]) for key in written} == written
    assert server.defects() == []


@pytest.mark.usefixtures("store_uri")
async def test_of_several_that_upgrade_a_store_at_once_one_does(
    backend: Backend, data_dir: Path
) -> None:
    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(backend.open(data_dir)) for _ in range(4)]
        assert await setup.version(databases[0]) == setup.SchemaFacts("0001", "0001")

        outcomes = await asyncio.gather(*map(upgrades.upgrade, databases))

        assert set(outcomes) <= {("0001", SCHEMA_VERSION), (SCHEMA_VERSION, SCHEMA_VERSION)}
        assert outcomes[0] == ("0001", SCHEMA_VERSION)
        await setup.create_or_check(databases[1])
