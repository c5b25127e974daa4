"""The demo, as `make demo` runs it, and what it leaves in the server's folder."""

import io
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.support.server import ServerProcess

from runstream import Client, Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 200.0
STEPS = 80
PROCESSES = 3
LAYERS = 4


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that has ended: what it printed, and a client of a server on its folder."""

    printed: str
    busy_port: int
    client: Client

    @property
    def run(self) -> Run:
        return next(run for run in self.client.search_runs() if not run.parent_run_id)


def demo_environment(folder: Path, **settings: object) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RUNSTREAM_", "DEMO_"))}
    return {
        **kept,
        "RUNSTREAM_SPOOL_DIR": str(folder / "spool"),
        "DEMO_DATA_DIR": str(folder / "data"),
        "DEMO_GRPC_PORT": "0",
        "DEMO_HTTP_PORT": "0",
        "DEMO_STEPS": str(STEPS),
        "DEMO_STEPS_PER_S": "0",
        **{f"DEMO_{name.upper()}": str(value) for name, value in settings.items()},
    }


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    with socket.create_server(("127.0.0.1", 0)) as other:
        busy_port: int = other.getsockname()[1]
        environment = demo_environment(folder, exit=1, processes=PROCESSES, http_port=busy_port)
        ended = subprocess.run(
            [sys.executable, "examples/demo.py"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    log = folder / "data" / "demo-server.log"
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}{log.read_text()[-5000:]}"
    with (
        ServerProcess(folder / "data") as server,
        Client(f"grpc://{server.grpc_address}") as client,
    ):
        yield Demo(ended.stdout, busy_port, client)


def test_the_run_is_finished_and_the_model_has_learnt(demo: Demo) -> None:
    run = demo.run

    assert run.status == "FINISHED"
    assert run.params["steps"] == str(STEPS)
    assert run.tags["ranks_agree"]
    assert run.metrics["validation/accuracy"] > 0.85


def test_every_rank_has_all_steps_of_all_layers(demo: Demo) -> None:
    ranks: dict[str, dict[int | None, int]] = defaultdict(dict)
    for summary in demo.client.list_series(demo.run.run_id):
        ranks[summary.series.key][summary.series.rank] = summary.count

    for layer in range(1, LAYERS + 1):
        for name in ("gradient_norm", "weight_norm", "activation_mean", "activation_std"):
            assert ranks[f"layer{layer}/{name}"] == dict.fromkeys(range(PROCESSES), STEPS)
    assert ranks["loss"] == dict.fromkeys(range(PROCESSES), STEPS)
    assert list(ranks["validation/accuracy"]) == [0]


def test_ranks_train_on_different_pictures_with_the_same_weights(demo: Demo) -> None:
    history = demo.client.history(demo.run.run_id, ["loss", "layer1/weight_norm"]).series

    values = {series: points.value.tolist() for series, points in history.items()}
    losses = [value for series, value in values.items() if series.key == "loss"]
    norms = [value for series, value in values.items() if series.key == "layer1/weight_norm"]
    assert norms == [norms[0]] * PROCESSES
    assert losses[0] != losses[1]


def test_artifacts_are_what_the_training_wrote(demo: Demo) -> None:
    run_id = demo.run.run_id

    stored = np.load(io.BytesIO(demo.client.read_artifact(run_id, "curves/losses.npy")))
    checkpoint = np.load(io.BytesIO(demo.client.read_artifact(run_id, "model/checkpoint.npz")))
    picture = demo.client.read_artifact(run_id, "curves/curves.png")
    history = demo.client.history(run_id, ["loss"], ranks=[0])["loss"]
    assert stored.tolist() == history.value.tolist()
    assert checkpoint["sizes"].tolist()[0] == 64
    assert picture.startswith(b"\x89PNG")


def test_the_final_evaluation_is_a_run_under_the_first(demo: Demo) -> None:
    (child,) = demo.client.search_runs(filter=f"parent_run_id = '{demo.run.run_id}'")

    assert child.name == "final-evaluation"
    assert child.status == "FINISHED"
    assert child.metrics["accuracy"] == demo.run.metrics["validation/accuracy"]
    assert {each.path for each in demo.client.list_artifacts(child.run_id)} == {
        "confusion.json",
        "confusion.png",
    }


def test_it_tells_what_has_arrived_and_which_port_is_busy(demo: Demo) -> None:
    counts = re.findall(r"(\d+) of (\d+) points", demo.printed)

    assert f"port {demo.busy_port} cannot be had" in demo.printed
    assert len(counts) == PROCESSES
    assert all(arrived == expected for arrived, expected in counts)
    assert "WRONG" not in demo.printed


def test_it_serves_until_ctrl_c_and_then_stops_in_order(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "examples/demo.py"],
        cwd=ROOT,
        env=demo_environment(tmp_path, processes=1),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        printed = read_until(process, "Serving until Ctrl-C")
        (uri,) = re.findall(r"serving +(grpc://\S+)", printed)
        with Client(uri) as client:
            run = next(run for run in client.search_runs() if not run.parent_run_id)
            assert {each.series.rank for each in client.list_series(run.run_id)} == {None}

        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_S) == 0
    finally:
        process.kill()
        process.communicate()
    assert "INFO stopped" in (tmp_path / "data" / "demo-server.log").read_text()


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + TIMEOUT_S
    printed = ""
    while text not in printed:
        readable, _, _ = select.select([process.stdout], [], [], deadline - time.monotonic())
        new = os.read(process.stdout.fileno(), 65_536).decode() if readable else ""
        assert new, f"the demo has ended, or takes too long:\n{printed}"
        printed += new
    return printed
