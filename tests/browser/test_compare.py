"""Runs side by side: tables, parallel coordinates and scatter."""

import re

import pytest
from playwright.sync_api import expect
from tests.support.browser import Ui
from tests.support.server import ServerProcess

from runstream import Client, MetricPoint

pytestmark = pytest.mark.slow

LOSSES = [0.5, 0.25, float("nan")]


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One server for all tests here, which only read."""
    return shared_server


@pytest.fixture(scope="module")
def addresses() -> dict[str, str]:
    return {}


@pytest.fixture
def address(client: Client, addresses: dict[str, str]) -> str:
    """The address at which three runs are compared."""
    if "compare" not in addresses:
        ids = []
        for at, loss in enumerate(LOSSES):
            tags = {"stage": "old"} if at == 0 else {}
            run = client.create_run(experiment_name="compared", name=f"c{at}", tags=tags)
            client.log_params(run.run_id, {"lr": str(10.0**-at), "model": "cnn"})
            client.log_metrics(run.run_id, [MetricPoint(key="loss", value=loss, step=1)])
            ids.append(run.run_id)
        addresses["compare"] = f"#/compare?runs={','.join(ids)}"
    return addresses["compare"]


def test_only_what_differs_shows_until_all_is_asked_for(ui: Ui, address: str) -> None:
    page = ui.open(address)
    expect(page.get_by_role("row", name=re.compile("^lr"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^model"))).to_have_count(0)

    page.get_by_label("Only what differs").uncheck()

    expect(page.get_by_role("row", name=re.compile("^model"))).to_be_visible()
    expect(page).to_have_url(re.compile("all=1"))


def test_the_best_value_stands_out_and_is_no_nan(ui: Ui, address: str) -> None:
    page = ui.open(address)
    best = page.locator(".best")
    expect(best).to_have_text(["0.25"])

    page.get_by_role("button", name=re.compile("loss: lower is better")).click()

    expect(best).to_have_text(["0.5"])


def test_a_part_of_an_axis_keeps_a_part_of_the_runs(ui: Ui, address: str) -> None:
    page = ui.open(f"{address}&show=parallel&axes=params.lr,metrics.loss")
    area = page.locator(".brush-area").first
    expect(area).to_be_visible()
    box = area.bounding_box()
    assert box
    page.mouse.move(box["x"] + 12, box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"] + 12, box["y"] + box["height"] * 0.25, steps=4)
    page.mouse.up()

    expect(page.get_by_role("status").filter(has_text="1 of 3 runs kept")).to_be_visible()
    expect(page.locator(".lines .out")).to_have_count(2)


def test_the_scatter_says_which_runs_have_no_place(ui: Ui, address: str) -> None:
    page = ui.open(f"{address}&show=scatter&x=params.lr&y=metrics.loss")
    expect(page.locator("svg circle")).to_have_count(2)
    expect(page.get_by_text("1 of 3 runs have no place here")).to_be_visible()

    page.get_by_label("log").last.click()

    expect(page).to_have_url(re.compile("xlog=0"))


def test_runs_that_are_gone_are_told(ui: Ui, address: str) -> None:
    page = ui.open(f"{address},{'0' * 32}")

    expect(page.get_by_text("1 of the runs are no longer there.")).to_be_visible()
