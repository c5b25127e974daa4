"""An import that is killed, repeated, or repeated after the source has changed."""

import time
from pathlib import Path

import pytest
from tests.integration.importing.conftest import Importing
from tests.integration.importing.content import content_of
from tests.integration.importing.sources import OldDatabase
from tests.support.server import ServerProcess, StartServer, wait_until

from runstream import Client

pytestmark = pytest.mark.slow

T = 1_600_000_000_000
RUNS = 12
POINTS = 15_000


@pytest.fixture
def database(tmp_path: Path) -> OldDatabase:
    """Some runs, one of them deleted, with points and files."""
    database = OldDatabase(tmp_path / "mlflow.db")
    database.add_experiment(1, "vision", creation_time=T)
    database.add_experiment(2, "gone", creation_time=T + 1, lifecycle_stage="deleted")
    for number in range(RUNS):
        run_id = f"{number:032x}"
        folder = tmp_path / "artifacts" / run_id / "artifacts"
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text(f"file of {run_id}")
        (folder / "b.bin").write_bytes(bytes(1_500_000))
        database.add_run(
            run_id,
            1 + number % 2,
            artifact_uri=str(folder),
            start_time=T + number,
            lifecycle_stage="deleted" if number == 4 else "active",
        )
        params = [{"run_uuid": run_id, "key": f"p{i}", "value": str(i)} for i in range(20)]
        database.add("params", params)
        database.add("tags", [{**row, "key": f"t{row['key']}"} for row in params])
        for key in ("loss", "acc"):
            points = [(T + step, step, step * 0.1 + number) for step in range(POINTS // 2)]
            database.add_points(run_id, key, points)
    return database


def content(server: ServerProcess) -> dict[str, object]:
    with Client(f"grpc://{server.grpc_address}", retry_for_s=30.0) as client:
        return content_of(client)


def test_a_second_import_changes_nothing(importing: Importing, database: OldDatabase) -> None:
    importing.run(database.uri)
    before = content(importing.server)

    shown = importing.run(database.uri)

    assert f"moved 0 runs ({RUNS} were there already)" in shown
    assert content(importing.server) == before


def test_an_import_that_is_killed_again_and_again_ends_the_same(
    importing: Importing, database: OldDatabase, start_server: StartServer
) -> None:
    whole = Importing(start_server("other"), importing.client, importing.folder)
    whole.run(database.uri)
    delay_s, kills = 0.8, 0
    while True:
        process = importing.start(database.uri)
        deadline = time.monotonic() + delay_s
        wait_until(lambda p=process, d=deadline: p.poll() is not None or time.monotonic() > d)  # type: ignore[misc]  # the loop's own
        if process.poll() is not None:
            break
        process.kill()
        process.communicate()
        kills += 1
        delay_s *= 1.2
    out, err = process.communicate()

    assert process.returncode == 0, out + err
    assert kills > 0
    assert content(importing.server) == content(whole.server)


def test_a_server_that_is_killed_and_comes_back_is_waited_for(
    importing: Importing, database: OldDatabase, start_server: StartServer
) -> None:
    whole = Importing(start_server("other"), importing.client, importing.folder)
    whole.run(database.uri)
    process = importing.start(database.uri)
    with Client(f"grpc://{importing.server.grpc_address}", retry_for_s=30.0) as client:
        wait_until(lambda: len(list(client.search_runs(view_type="ALL", omit_metrics=True))) > 3)
    importing.server.kill9()
    importing.server.start()
    out, err = process.communicate(timeout=100)

    assert process.returncode == 0, out + err
    assert f"{RUNS * POINTS:,} points" in out
    assert content(importing.server) == content(whole.server)


def test_a_run_that_went_on_is_brought_up_to_date(
    importing: Importing, database: OldDatabase
) -> None:
    run_id = "f" * 32
    database.add_run(run_id, 1, status="RUNNING", end_time=None, artifact_uri="")
    database.add_points(run_id, "loss", [(T, 0, 1.0)])
    importing.run(database.uri)
    database.add_points(run_id, "acc", [(T, 0, 2.0)])
    database.add_points(run_id, "loss", [(T + 1, 1, 0.5)])
    database.add("tags", [{"run_uuid": run_id, "key": "k", "value": "v"}])
    database.connection.execute(
        "update runs set status = 'FAILED', end_time = ? where run_uuid = ?", (T + 9, run_id)
    )
    database.connection.commit()

    shown = importing.run(database.uri)

    run = importing.client.get_run(run_id)
    assert f"moved 1 runs ({RUNS} were there already)" in shown
    assert (run.status, run.metrics) == ("FAILED", {"loss": 0.5, "acc": 2.0})
    assert run.tags["k"] == "v"
    history = importing.client.history(run_id)
    assert [int(step) for step in history["loss"].step] == [0, 1]


def test_a_writer_of_the_database_is_not_kept_waiting(
    importing: Importing, database: OldDatabase
) -> None:
    process = importing.start(database.uri)
    slowest_s = 0.0
    number = 0
    while process.poll() is None:
        begin = time.monotonic()
        database.add("tags", [{"run_uuid": "x", "key": f"k{number}", "value": "v"}])
        slowest_s = max(slowest_s, time.monotonic() - begin)
        number += 1
        time.sleep(0.01)
    out, err = process.communicate()

    assert process.returncode == 0, out + err
    assert slowest_s < 4.0
