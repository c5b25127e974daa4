"""A spool and the real server: everything arrives, and what cannot is told."""

from __future__ import annotations

import signal
import statistics
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.ship.real_runs import (
    get_run,
    get_writer,
    histories,
    kill_shipper,
    numbered,
    shipped_spool,
)
from tests.integration.ship.spools import log_numbered, log_unchecked, new_writer
from tests.support.server import ServerProcess, StartServer, wait_until

from runstream._ship import ensure_shipper, sync, wait_delivered
from runstream.v1 import (
    artifact_service_pb2 as artifact_pb,
    metric_service_pb2 as metric_pb,
    run_pb2,
    run_service_pb2 as run_pb,
)
from runstream.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from runstream.v1.metric_service_pb2_grpc import MetricServiceStub
from runstream.v1.run_service_pb2_grpc import RunServiceStub

TIMEOUT_S = 60.0


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Path]:
    with shipped_spool(tmp_path / "spool") as directory:
        yield directory


def uri_of(server: ServerProcess) -> str:
    return f"grpc://{server.grpc_address}"


def test_a_run_arrives_whole(shared_server: ServerProcess, spool: Path) -> None:
    writer = new_writer(spool, uri_of(shared_server), rank=3)
    ensure_shipper(spool, uri_of(shared_server))
    writer.operation({"op": "log_params", "params": {"lr": "0.1"}})
    writer.operation({"op": "set_tags", "tags": {"team": "blue"}})
    log_numbered(writer, 5000)
    writer.artifact(b"weights" * 1_000_000, "checkpoints/model.bin")
    writer.operation({"op": "finish_writer", "status": "FINISHED"})
    writer.operation({"op": "finish_run", "status": "FINISHED"})
    writer.close()

    report = wait_delivered(spool, run_id=writer.run_id, timeout_s=TIMEOUT_S)

    assert report.delivered, report
    assert report.http_address == f"http://{shared_server.http_address}"
    run = get_run(shared_server, writer.run_id)
    assert run.status == run_pb2.RUN_STATUS_FINISHED
    assert (run.name, dict(run.params), run.tags["team"]) == ("voyage", {"lr": "0.1"}, "blue")
    assert histories(shared_server, writer.run_id, ranks=[3]) == numbered(5000)
    known = get_writer(shared_server, writer)
    assert (known.rank, known.next_row, known.next_record) == (3, 5000, 5)
    with shared_server.channel() as channel:
        request = artifact_pb.ListArtifactsRequest(run_id=writer.run_id, path="checkpoints")
        (artifact,) = ArtifactServiceStub(channel).ListArtifacts(request).artifacts
    assert artifact.size_bytes == 7_000_000


def test_ranks_share_their_run(shared_server: ServerProcess, spool: Path) -> None:
    run_id = uuid.uuid4().hex
    for rank in range(8):
        writer = new_writer(spool, uri_of(shared_server), run_id=run_id, rank=rank)
        log_numbered(writer, 100)
        writer.close()

    report = sync(spool, timeout_s=TIMEOUT_S)

    assert report.delivered, report
    assert report.rejected == 0
    for rank in range(8):
        assert histories(shared_server, run_id, ranks=[rank]) == numbered(100)


def test_a_param_that_conflicts_is_put_aside_and_nothing_else_suffers(
    shared_server: ServerProcess, spool: Path
) -> None:
    writer = new_writer(spool, uri_of(shared_server))
    writer.operation({"op": "log_params", "params": {"lr": "0.1"}})
    writer.operation({"op": "log_params", "params": {"lr": "0.2", "other": "1"}})
    writer.operation({"op": "log_params", "params": {"depth": "3"}})
    writer.operation({"op": "delete_tags", "keys": ["no such"]})
    writer.operation({"op": "finish_run", "status": "FINISHED"})
    writer.close()

    report = wait_delivered(spool, run_id=writer.run_id, timeout_s=TIMEOUT_S)

    assert report.delivered, report
    assert report.rejected == 2
    assert report.refusals[0].startswith("PARAM_CONFLICT: ")
    assert report.refusals[1].startswith("TAG_NOT_FOUND: ")
    run = get_run(shared_server, writer.run_id)
    assert dict(run.params) == {"lr": "0.1", "depth": "3"}
    assert run.status == run_pb2.RUN_STATUS_FINISHED


def test_poisoned_rows_are_skipped_and_shown(shared_server: ServerProcess, spool: Path) -> None:
    writer = new_writer(spool, uri_of(shared_server))
    log_numbered(writer, 3000)
    log_unchecked(writer, ("loss", "half"), step=3000, time_us=-1)
    log_numbered(writer, 3000, first=3001)
    for step in range(6001, 6101):
        log_unchecked(writer, ("bad\nkey",), step=step, time_us=1)
    log_numbered(writer, 3000, first=6101)
    writer.close()

    report = sync(spool, timeout_s=TIMEOUT_S)

    assert report.delivered, report
    expected = numbered(9101)
    for points in expected.values():
        del points[6001:6101]
        del points[3000]
    assert histories(shared_server, writer.run_id) == expected
    known = get_writer(shared_server, writer)
    assert known.next_row == 9101
    skipped = sorted((skip.first_row, skip.count) for skip in known.skipped)
    assert skipped[0] == (3000, 1)
    assert sum(count for first, count in skipped[1:] if 6001 <= first < 6101) == 100
    assert len(skipped) < 20
    reasons = {skip.reason.partition(":")[0] for skip in known.skipped}
    assert reasons == {"INVALID_VALUE", "INVALID_KEY"}


def test_what_was_logged_without_a_server_is_delivered_once_there_is_one(
    start_server: StartServer, spool: Path
) -> None:
    server = start_server()
    server.kill9()
    writer = new_writer(spool, uri_of(server))
    log_numbered(writer, 2000)
    writer.artifact(b"x" * 100_000, "x")
    writer.operation({"op": "finish_run", "status": "FINISHED"})
    writer.close()
    absent = sync(spool, timeout_s=1.0)
    server.start()

    report = sync(spool, timeout_s=TIMEOUT_S)

    assert not absent.delivered
    assert absent.pending_rows == 2000
    assert report.delivered, report
    assert histories(server, writer.run_id) == numbered(2000)
    assert get_run(server, writer.run_id).status == run_pb2.RUN_STATUS_FINISHED


def test_a_shipper_waits_for_a_server_that_comes_later(
    start_server: StartServer, spool: Path
) -> None:
    server = start_server()
    server.kill9()
    writer = new_writer(spool, uri_of(server))
    ensure_shipper(spool, uri_of(server))
    log_numbered(writer, 2000)

    def is_unavailable() -> bool:
        early = wait_delivered(spool, run_id=writer.run_id, timeout_s=0.2)
        return early.server_state == "unavailable" and not early.delivered

    wait_until(is_unavailable, what="the shipper says that there is no server")
    server.start()

    report = wait_delivered(spool, run_id=writer.run_id, timeout_s=TIMEOUT_S)
    writer.close()

    assert report.delivered, report
    assert histories(server, writer.run_id) == numbered(2000)


def test_a_run_that_is_deleted_and_restored_loses_nothing(
    shared_server: ServerProcess, spool: Path
) -> None:
    writer = new_writer(spool, uri_of(shared_server))
    log_numbered(writer, 100)
    assert wait_delivered(spool, run_id=writer.run_id, timeout_s=TIMEOUT_S).delivered
    with shared_server.channel() as channel:
        runs = RunServiceStub(channel)
        runs.DeleteRun(run_pb.DeleteRunRequest(run_id=writer.run_id))
        log_numbered(writer, 100, first=100)
        writer.operation({"op": "finish_run", "status": "FINISHED"})
        writer.close()
        deleted = wait_delivered(spool, run_id=writer.run_id, timeout_s=TIMEOUT_S)
        runs.RestoreRun(run_pb.RestoreRunRequest(run_id=writer.run_id))

    report = sync(spool, timeout_s=TIMEOUT_S)

    assert not deleted.delivered
    assert "RUN_DELETED" in deleted.problems[0]
    assert report.delivered, report
    assert histories(shared_server, writer.run_id) == numbered(200)
    assert get_run(shared_server, writer.run_id).status == run_pb2.RUN_STATUS_FINISHED


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_thousand_writers_in_one_spool_are_all_delivered(
    shared_server: ServerProcess, spool: Path
) -> None:
    run_ids = [uuid.uuid4().hex for _ in range(10)]
    for number in range(1000):
        writer = new_writer(
            spool, uri_of(shared_server), run_id=run_ids[number % 10], rank=number // 10
        )
        log_numbered(writer, 5)
        writer.operation({"op": "finish_writer", "status": "FINISHED"})
        writer.close()

    report = sync(spool, timeout_s=240.0)

    assert report.delivered, report
    assert (report.writers, report.rows, report.records) == (1000, 5000, 2000)
    for run_id in run_ids:
        found = histories(shared_server, run_id)
        assert {key: len(points) for key, points in found.items()} == {"loss": 500, "half": 500}


def test_hundreds_of_living_writers_are_followed(shared_server: ServerProcess, spool: Path) -> None:
    run_id = uuid.uuid4().hex
    writers = [new_writer(spool, uri_of(shared_server), run_id=run_id, rank=n) for n in range(200)]
    ensure_shipper(spool, uri_of(shared_server))
    for step in range(5):
        for writer in writers:
            log_numbered(writer, 1, first=step)

    report = wait_delivered(spool, run_id=run_id, timeout_s=TIMEOUT_S)
    for writer in writers:
        writer.close()

    assert report.delivered, report
    assert report.rows == 1000


def test_rows_that_trickle_are_seen_at_once(shared_server: ServerProcess, spool: Path) -> None:
    writer = new_writer(spool, uri_of(shared_server))
    ensure_shipper(spool, uri_of(shared_server))
    assert wait_delivered(spool, run_id=writer.run_id, timeout_s=TIMEOUT_S).delivered
    logged: dict[int, float] = {}
    delays: list[float] = []
    with shared_server.channel() as channel:
        watching = MetricServiceStub(channel).WatchRun(
            metric_pb.WatchRunRequest(run_id=writer.run_id)
        )
        assert next(watching).HasField("run")

        def watch() -> None:
            for answer in watching:
                now = time.monotonic()
                steps = {step for part in answer.series for step in part.step}
                delays.extend(now - logged[step] for step in steps)
                if len(delays) >= 30:
                    return

        watcher = threading.Thread(target=watch)
        watcher.start()
        for step in range(30):
            logged[step] = time.monotonic()
            writer.log({"loss": 1.0}, step=step)
            time.sleep(0.02 if step % 3 else 0.3)
        watcher.join(TIMEOUT_S)
        watching.cancel()
    writer.close()

    assert len(delays) >= 30
    figures = f"median {statistics.median(delays):.3f} s, worst {max(delays):.3f} s\n"
    sys.stdout.write(figures)
    assert statistics.median(delays) < 0.25


def test_a_shipper_that_is_told_to_stop_notes_how_far_it_came(
    shared_server: ServerProcess, spool: Path
) -> None:
    writer = new_writer(spool, uri_of(shared_server))
    ensure_shipper(spool, uri_of(shared_server))
    log_numbered(writer, 100)
    assert wait_delivered(spool, run_id=writer.run_id, timeout_s=TIMEOUT_S).delivered

    assert kill_shipper(spool, signal.SIGTERM)

    notes = (writer.folder / "acked.json").read_text()
    assert '"rows": 100' in notes
    assert '"operations": 1' in notes
