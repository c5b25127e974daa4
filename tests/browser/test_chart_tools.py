"""What can be done with charts beside looking: pictures, ranks, other axes, the whole screen."""

import io
import math
import re
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.test_charts import act, at, drawn, new_run, panel, rows
from tests.support.browser import Ui
from tests.support.server import ServerProcess

from runstream import Client, MetricPoint

pytestmark = [pytest.mark.slow, pytest.mark.browser]

STEPS = 300
RANKS = 4
SVG = "{http://www.w3.org/2000/svg}"
PNG_SIZE = struct.Struct(">II")


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One server for all tests here, which do not meet in it."""
    return shared_server


@pytest.fixture
def run_id(client: Client) -> str:
    """A run whose `loss` four ranks logged, and whose `examples` grow with the steps."""
    loss = [
        MetricPoint(
            key="loss", value=math.exp(-step / 80) + rank, step=step, time_us=at(step), rank=rank
        )
        for step in range(STEPS)
        for rank in range(RANKS)
    ]
    examples = [
        MetricPoint(key="examples", value=64.0 * step, step=step, time_us=at(step))
        for step in range(STEPS)
    ]
    spike = [
        MetricPoint(key="spiky", value=1e6 if step == 150 else 1.0, step=step, time_us=at(step))
        for step in range(STEPS)
    ]
    return new_run(client, [*loss, *examples, *spike], name="tools")


def saved(page: Page, key: str, kind: str, folder: Path) -> bytes:
    with page.expect_download() as download:
        act(page, key, f"Save as {kind}")
    path = folder / download.value.suggested_filename
    assert path.name == f"{key}.{kind.lower()}"
    download.value.save_as(path)
    return path.read_bytes()


def test_a_panel_is_saved_as_a_picture(ui: Ui, run_id: str, tmp_path: Path) -> None:
    page = ui.open(f"#/runs/{run_id}/charts")
    expect(drawn(page, "loss")).to_have_attribute("data-points", str(STEPS))

    svg = ET.parse(io.BytesIO(saved(page, "loss", "SVG", tmp_path))).getroot()
    texts = ["".join(text.itertext()) for text in svg.iter(f"{SVG}text")]
    lines = [path for path in svg.iter(f"{SVG}path") if path.get("fill") == "none"]
    assert {"loss", "step", "tools · rank 0"} <= set(texts)
    assert max(line.get("d", "").count("L") for line in lines) >= STEPS // 2

    png = saved(page, "loss", "PNG", tmp_path)
    assert png.startswith(b"\x89PNG\r\n")
    width, height = PNG_SIZE.unpack_from(png, 16)
    assert width >= 200
    assert height >= 100


def test_ranks_are_shown_one_by_one_and_as_a_band(ui: Ui, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}/charts")
    expect(drawn(page, "loss")).to_have_attribute("data-points", str(STEPS))

    page.get_by_label("ranks", exact=True).select_option("lines")
    expect(drawn(page, "loss")).to_have_attribute("data-points", str(STEPS * RANKS))
    names = {row[0] for row in rows(page, "loss")}
    assert len(names) == RANKS

    page.get_by_label("ranks", exact=True).select_option("band")
    expect(drawn(page, "loss")).to_have_attribute("data-points", str(STEPS * RANKS))
    assert "ranks=band" in page.url


def test_another_metric_is_the_horizontal_axis(ui: Ui, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}/charts?x=metric:examples")

    expect(page.get_by_label("x axis")).to_have_value("metric:examples")
    expect(drawn(page, "loss")).to_have_attribute("data-points", str(STEPS))
    page.get_by_label("x axis").select_option("relative")
    expect(page).to_have_url(re.compile("x=relative"))
    expect(drawn(page, "loss")).to_have_attribute("data-points", str(STEPS))


def test_an_outlier_that_is_left_out_of_the_range_is_still_told(ui: Ui, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}/charts")
    notes = panel(page, "spiky").locator(".panel-notes")
    expect(drawn(page, "spiky")).to_have_attribute("data-points", str(STEPS))
    expect(notes).to_have_text("")

    page.get_by_label("ignore outliers").check()

    expect(notes).to_contain_text("1")
    expect(drawn(page, "spiky")).to_have_attribute("data-points", str(STEPS))


def test_a_panel_fills_the_screen_and_escape_leaves_it(ui: Ui, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}/charts")
    panel(page, "loss").get_by_label("Show loss in full screen").press("Enter")

    dialog = page.get_by_role("dialog", name="loss")
    expect(dialog.locator("canvas[data-key]")).to_have_attribute("data-points", str(STEPS))
    box = dialog.bounding_box()
    assert box is not None
    assert box["width"] > 1000
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
