"""Programs that log, and what the server has of it."""

import os
import signal

import pytest
from tests.integration.client.jobs import Jobs
from tests.support.server import ServerProcess

from runstream import Client, Series

LOGS_EVERYTHING = """
import runstream
runstream.set_experiment("jobs")
with runstream.start_run(run_name="whole", description="a text") as run:
    print(run.run_id)
    run.log_params({"model": {"depth": 3}})
    for step in range(100):
        run.log({"loss": 1 / (step + 1), "acc": {"top1": step}})
    run.log_metric("epochs", 3)
    run.set_tag("team", "a")
    run.log_text("hello", "notes/a.txt")
    print(run.get_artifact_uri("notes"))
    run.log_artifact(__import__("sys").executable, "bin", wait=True)
    found = runstream.Client().list_artifacts(run.run_id, "bin")
    print([one.size_bytes for one in found])
"""
RANK = """
import os, runstream
with runstream.start_run(run_name="together-" + os.environ["FAILS"]) as run:
    print(run.run_id)
    for step in range(50):
        run.log({"loss": run.rank + step}, step=step)
    if os.environ["RANK"] == os.environ.get("FAILS"):
        raise RuntimeError("out of memory")
"""


@pytest.fixture
def client(shared_server: ServerProcess) -> Client:
    return Client(f"grpc://{shared_server.grpc_address}")


def test_what_a_job_logs_is_on_the_server_when_it_has_ended(jobs: Jobs, client: Client) -> None:
    done = jobs.run(LOGS_EVERYTHING)

    assert done.returncode == 0, done.stderr
    run_id, uri, sizes = done.stdout.splitlines()
    run = client.get_run(run_id)
    assert (run.name, run.status, run.params) == ("whole", "FINISHED", {"model/depth": "3"})
    assert client.get_experiment(run.experiment_id).name == "jobs"
    assert run.tags.items() >= {"team": "a", "mlflow.note.content": "a text"}.items()
    assert run.source.host == os.uname().nodename
    assert run.metrics == {"loss": 0.01, "acc/top1": 99.0, "epochs": 3.0}
    history = client.history(run_id)
    assert list(history["loss"].step) == list(range(100))
    assert list(history["loss"].value) == [1 / (step + 1) for step in range(100)]
    assert client.read_artifact(run_id, "notes/a.txt") == b"hello"
    assert uri == f"{run.artifact_uri}/notes"
    assert sizes != "[]"
    (writer,) = client.list_writers(run_id)
    assert (writer.status, writer.next_row) == ("FINISHED", 101)


def test_the_web_address_is_told_once_it_is_known(jobs: Jobs, shared_server: ServerProcess) -> None:
    program = "import runstream\nwith runstream.start_run() as run: print(run.run_id)"
    jobs.run(program)

    done = jobs.run(program)

    address = f"http://{shared_server.http_address}/#/runs/{done.stdout.strip()}"
    assert done.stderr == f"runstream: run {done.stdout.strip()}: {address}\n"


@pytest.mark.parametrize("fails", [None, "0", "2"])
def test_four_processes_of_one_job_join_one_run(
    jobs: Jobs, client: Client, fails: str | None
) -> None:
    env = {"WORLD_SIZE": "4", "FAILS": str(fails)}

    processes = [jobs.start(RANK, {**env, "RANK": str(rank)}) for rank in range(4)]
    ended = [process.communicate(timeout=60) for process in processes]

    ids = {out.strip() for out, _ in ended}
    assert len(ids) == 1, ended
    run_id = ids.pop()
    run = client.get_run(run_id)
    assert (run.name, run.status) == (f"together-{fails}", "FAILED" if fails else "FINISHED")
    assert run.tags["mlflow.runName"] == run.name
    history = client.history(run_id, ["loss"])
    assert set(history) == {Series("loss", rank) for rank in range(4)}
    for series, points in history.series.items():
        assert series.rank is not None
        assert list(points.value) == [series.rank + step for step in range(50)]
    writers = {writer.rank: writer for writer in client.list_writers(run_id)}
    assert set(writers) == {0, 1, 2, 3}
    for rank, writer in writers.items():
        assert writer.status == ("FAILED" if str(rank) == fails else "FINISHED")
        assert writer.status_message.endswith("out of memory") == (str(rank) == fails)


@pytest.mark.parametrize(
    ("program", "code", "status"),
    [
        ("raise ValueError('bad')", 1, "FAILED"),
        ("import sys; sys.exit(3)", 3, "FAILED"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT, "KILLED"),
    ],
)
def test_how_a_job_ends_is_how_its_run_ends(
    jobs: Jobs, client: Client, program: str, code: int, status: str
) -> None:
    done = jobs.run(
        f"import runstream\nwith runstream.start_run() as run:\n print(run.run_id)\n {program}"
    )

    assert done.returncode == code, done.stderr
    assert client.get_run(done.stdout.strip()).status == status


def test_a_forked_data_loader_logs_to_the_run_of_its_parent(jobs: Jobs, client: Client) -> None:
    done = jobs.run(
        "import multiprocessing, runstream\n"
        "def load(number): run.log({'loaded': number}, step=number)\n"
        "with runstream.start_run() as run:\n"
        "    print(run.run_id)\n"
        "    run.log({'loss': 1})\n"
        "    context = multiprocessing.get_context('fork')\n"
        "    workers = [context.Process(target=load, args=(n,)) for n in range(2)]\n"
        "    [worker.start() for worker in workers]\n"
        "    [worker.join() for worker in workers]\n"
    )
    run_id = done.stdout.strip()

    synced = jobs.command("sync")

    assert synced.returncode == 0, synced.stdout + synced.stderr
    history = client.history(run_id)
    assert list(history["loaded"].value) == [0.0, 1.0]
    assert client.get_run(run_id).status == "FINISHED"
    assert len(list(client.list_writers(run_id))) == 3


def test_a_resumed_run_goes_on(jobs: Jobs, client: Client) -> None:
    first = jobs.run(
        "import runstream\n"
        "with runstream.start_run(experiment='resumed') as run:\n"
        "    print(run.run_id); run.log({'a': 1})"
    )
    run_id = first.stdout.strip()

    done = jobs.run(
        f"import runstream\nwith runstream.start_run(run_id='{run_id}') as run:\n"
        "    run.log({'a': 2}, step=1)\n    run.finish('KILLED')"
    )

    assert done.returncode == 0, done.stderr
    assert "refused" not in done.stderr
    run = client.get_run(run_id)
    assert run.status == "KILLED"
    assert client.get_experiment(run.experiment_id).name == "resumed"
    assert list(client.history(run_id)["a"].value) == [1.0, 2.0]


def test_what_the_server_refuses_is_said_at_the_end(jobs: Jobs, client: Client) -> None:
    run_id = client.create_run().run_id
    client.log_params(run_id, {"lr": "1"})

    done = jobs.run(
        "import runstream\n"
        f"with runstream.start_run(run_id='{run_id}') as run:\n"
        "    run.log_param('lr', 2); run.log({'a': 1})"
    )

    assert done.returncode == 0
    assert "refused 1 records for good" in done.stderr
    assert "PARAM_CONFLICT" in done.stderr
    assert client.get_run(run_id).params == {"lr": "1"}
    assert client.get_run(run_id).metrics == {"a": 1.0}


def test_queries_of_the_module_ask_the_server(jobs: Jobs) -> None:
    done = jobs.run(
        "import runstream\n"
        "print(runstream.create_experiment('queries', tags={'a': 'b'}))\n"
        "runstream.set_experiment('queries')\n"
        "for loss in (3, 1, 2):\n"
        "    with runstream.start_run(run_name=f'r{loss}') as run:\n"
        "        run.log({'loss': loss}); run.log_param('p', loss)\n"
        "found = runstream.search_runs(None, 'metrics.loss < 3', order_by=['metrics.loss'])\n"
        "print([run.name for run in found])\n"
        "print(runstream.search_runs(experiment_names=['none']), len(runstream.search_runs()),\n"
        "      len(runstream.search_runs(max_results=1)))\n"
        "frame = runstream.search_runs(output_format='pandas', order_by=['metrics.loss'])\n"
        "print(list(frame['metrics.loss']), list(frame['params.p']), frame['status'][0])\n"
        "print(runstream.get_run(run.run_id).data.metrics)\n"
        "try: runstream.create_experiment('queries')\n"
        "except runstream.AlreadyExists as error: print(error.reason)\n"
    )

    assert done.returncode == 0, done.stderr
    experiment, names, counts, frame, metrics, reason = done.stdout.splitlines()
    assert experiment.isdecimal()
    assert names == "['r1', 'r2']"
    assert counts == "[] 3 1"
    assert frame == "[1.0, 2.0, 3.0] ['1', '2', '3'] FINISHED"
    assert (metrics, reason) == ("{'loss': 2.0}", "EXPERIMENT_EXISTS")
