"""The pictures of the documentation, taken of the demo's training.

`make pictures` puts them into docs/images; other runs only see that they can be taken.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.support.browser import OpenUi
from tests.support.server import ServerProcess

from runstream import Client, Run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TRAINING = ROOT / "examples" / "train_digits.py"
SIZE = (1440, 900)
PHONE = (390, 844)
# Learning rate and batch of each training.
TRAININGS = [("0.1", "128"), ("0.03", "128"), ("0.3", "64"), ("0.01", "256")]
TIMEOUT_S = 120


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One server for all pictures."""
    return shared_server


@pytest.fixture(scope="module")
def runs(shared_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """The demo's training with several settings, the one of the demo last."""
    spool = tmp_path_factory.mktemp("spool")
    for number, (rate, batch) in reversed(list(enumerate(TRAININGS))):
        options = ["--processes", "2", "--steps", "400"]
        options += ["--peak-learning-rate", rate, "--batch", batch]
        subprocess.run(
            [sys.executable, str(TRAINING), *options],
            env={
                **os.environ,
                "RUNSTREAM_TRACKING_URI": f"grpc://{shared_server.grpc_address}",
                "RUNSTREAM_SPOOL_DIR": str(spool),
                "RUNSTREAM_JOB_ID": f"pictures-{number}",
            },
            stdout=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=True,
        )
    with Client(f"grpc://{shared_server.grpc_address}") as client:
        found = [run for run in client.search_runs() if not run.parent_run_id]
    assert len(found) == len(TRAININGS)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    named = os.environ.get("RUNSTREAM_PICTURES")
    return ROOT / named if named else tmp_path


def take(page: Page, path: Path) -> None:
    page.wait_for_timeout(500)  # what fades in has done so
    page.screenshot(path=path)
    assert path.stat().st_size > 10_000


def wait_for_charts(page: Page, panels: int) -> None:
    page.wait_for_function(
        "n => [...document.querySelectorAll('canvas[data-key]')]"
        ".filter(c => +c.dataset.points > 0).length >= n",
        arg=panels,
    )


def test_runs(open_ui: OpenUi, runs: list[Run], folder: Path) -> None:
    columns = "status,duration,params.batch,params.peak_learning_rate,metrics.loss,metrics.accuracy"
    page = open_ui(size=SIZE).open(f"#/experiments/{runs[0].experiment_id}?columns={columns}")

    expect(page.locator(".runs-line")).to_have_count(2 * len(runs))
    take(page, folder / "table.png")


def test_runs_with_their_charts(open_ui: OpenUi, runs: list[Run], folder: Path) -> None:
    page = open_ui(size=SIZE).open(f"#/experiments/{runs[0].experiment_id}?show=both")

    expect(page.locator(".runs-line")).to_have_count(2 * len(runs))
    wait_for_charts(page, 2)
    take(page, folder / "runs.png")


def test_a_run(open_ui: OpenUi, runs: list[Run], folder: Path) -> None:
    page = open_ui(size=SIZE).open(f"#/runs/{runs[0].run_id}")

    expect(page.get_by_text("peak_learning_rate")).to_be_visible()
    take(page, folder / "run.png")


def test_charts(open_ui: OpenUi, runs: list[Run], folder: Path) -> None:
    page = open_ui(size=SIZE).open(f"#/runs/{runs[0].run_id}/charts?smooth=2&ranks=lines")

    wait_for_charts(page, 6)
    take(page, folder / "charts.png")


def test_charts_in_the_dark(open_ui: OpenUi, runs: list[Run], folder: Path) -> None:
    page = open_ui(theme="dark", size=SIZE).open(f"#/runs/{runs[0].run_id}/charts")

    wait_for_charts(page, 6)
    take(page, folder / "charts-dark.png")


def test_artifacts(open_ui: OpenUi, runs: list[Run], folder: Path) -> None:
    page = open_ui(size=SIZE).open(f"#/runs/{runs[0].run_id}/artifacts/curves/curves.png")

    expect(page.get_by_role("img", name="curves.png")).to_be_visible()
    take(page, folder / "artifacts.png")


@pytest.mark.parametrize("show", ["tables", "charts", "parallel"])
def test_a_comparison(open_ui: OpenUi, runs: list[Run], folder: Path, show: str) -> None:
    ids = ",".join(run.run_id for run in runs)
    axes = "&axes=params.batch,params.peak_learning_rate,metrics.loss,metrics.validation%2Faccuracy"
    page = open_ui(size=SIZE).open(f"#/compare?runs={ids}&show={show}{axes}")

    if show == "charts":
        wait_for_charts(page, 6)
    elif show == "parallel":
        expect(page.locator(".plot")).to_contain_text("peak_learning_rate")
    else:
        expect(page.get_by_text("peak_learning_rate").first).to_be_visible()
    take(page, folder / f"compare-{show}.png")


def test_a_phone(open_ui: OpenUi, runs: list[Run], folder: Path) -> None:
    page = open_ui(size=PHONE).open(f"#/runs/{runs[0].run_id}/charts")

    wait_for_charts(page, 1)
    take(page, folder / "phone.png")
