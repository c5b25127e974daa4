"""Charts say what the history says: every point once zoomed in, marks for what no line can show."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.browser import Ui
from tests.support.server import ServerProcess

from runstream import Client, MetricPoint

pytestmark = [pytest.mark.slow, pytest.mark.browser]

POINTS = 12_000


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One server for all tests here, which do not meet in it."""
    return shared_server


def new_run(client: Client, points: Sequence[MetricPoint], name: str = "charted") -> str:
    run = client.create_run(experiment_name="charts", name=name)
    for begin in range(0, len(points), 10_000):
        client.log_metrics(run.run_id, points[begin : begin + 10_000])
    return run.run_id


def wave(key: str = "train/loss") -> list[MetricPoint]:
    return [
        MetricPoint(
            key=key, value=math.sin(step / 500) + step % 7 / 70, step=step, time_us=at(step)
        )
        for step in range(POINTS)
    ]


def at(step: int) -> int:
    return 1_760_000_000_000_000 + step * 250_000


def panel(page: Page, key: str) -> Locator:
    return page.locator(f'article[data-panel="{key}"]').first


def drawn(page: Page, key: str) -> Locator:
    return panel(page, key).locator("canvas[data-key]")


def act(page: Page, key: str, name: str) -> None:
    """Chooses from a panel's menu, by keyboard."""
    panel(page, key).get_by_label(f"More for {key}").press("Enter")
    page.get_by_role("menuitem", name=name).press("Enter")


def rows(page: Page, key: str) -> list[list[str]]:
    """What a panel draws, as its table says."""
    act(page, key, "Show as table")
    table = page.get_by_role("dialog").locator("tbody tr")
    expect(table.first).to_be_visible()
    found: list[list[str]] = table.evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    page.keyboard.press("Escape")
    return found


def number(text: str) -> int:
    return int(text.replace("\u2009", "").replace("\u2212", "-"))


def test_a_long_series_is_drawn_in_buckets_that_hold_all_points(ui: Ui, client: Client) -> None:
    run = new_run(client, wave())
    page = ui.open(f"#/runs/{run}/charts")
    canvas = drawn(page, "train/loss")
    expect(canvas).to_have_attribute("data-points", str(POINTS))
    assert int(canvas.get_attribute("data-buckets") or 0) <= 300
    assert canvas.get_attribute("data-exact") == "false"
    assert canvas.get_attribute("data-last-x") == str(POINTS - 1)


def test_zooming_in_ends_at_the_very_points_of_the_history(ui: Ui, client: Client) -> None:
    points = wave()
    run = new_run(client, points)
    page = ui.open(f"#/runs/{run}/charts?range=5000..5120")
    expect(drawn(page, "train/loss")).to_have_attribute("data-exact", "true")
    wanted = client.history(run, ["train/loss"], min_step=5000, max_step=5120)["train/loss"]
    found = rows(page, "train/loss")
    assert [number(row[1]) for row in found] == list(wanted.step)
    assert [float(row[3]) for row in found] == list(wanted.value)


def test_dragging_chooses_a_range_and_a_double_click_leaves_it(ui: Ui, client: Client) -> None:
    run = new_run(client, wave())
    page = ui.open(f"#/runs/{run}/charts")
    canvas = drawn(page, "train/loss")
    expect(canvas).to_have_attribute("data-points", str(POINTS))
    box = panel(page, "train/loss").locator(".u-over").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.40, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.42, middle, steps=4)
    page.mouse.up()
    expect(canvas).to_have_attribute("data-exact", "true")
    assert "range=" in page.url
    page.mouse.dblclick(box["x"] + box["width"] / 2, middle)
    expect(canvas).to_have_attribute("data-points", str(POINTS))
    assert "range=" not in page.url


def test_what_is_no_number_is_counted_and_said(ui: Ui, client: Client) -> None:
    values = [1.0, math.nan, 2.0, math.inf, 3.0, -math.inf, math.nan, 0.5]
    points = [
        MetricPoint(key="odd", value=value, step=step, time_us=at(step))
        for step, value in enumerate(values)
    ]
    run = new_run(client, points)
    page = ui.open(f"#/runs/{run}/charts")
    notes = panel(page, "odd").locator(".panel-notes")
    expect(notes).to_have_text("2 NaN · 1 +∞ · 1 \u2212∞")
    page.get_by_label("y axis").select_option("log")
    expect(notes).to_contain_text("2 NaN")


def test_all_points_can_be_saved_as_csv(ui: Ui, client: Client, tmp_path: Path) -> None:
    points = [*wave(), MetricPoint(key="train/loss", value=math.nan, step=7, time_us=at(7), rank=3)]
    run = new_run(client, points, name='quoted "name", with comma')
    page = ui.open(f"#/runs/{run}/charts")
    expect(drawn(page, "train/loss")).to_have_attribute("data-points", str(POINTS))
    with page.expect_download() as saved:
        act(page, "train/loss", "Save all points as CSV")
    file = tmp_path / "points.csv"
    saved.value.save_as(file)
    with file.open(newline="") as text:
        found = [
            (row["rank"], int(row["step"]), float(row["value"]).hex())
            for row in csv.DictReader(text)
        ]
    wanted = [
        ("" if series.rank is None else str(series.rank), int(step), float(value).hex())
        for series, each in client.history(run, ["train/loss"]).series.items()
        for step, value in zip(each.step, each.value, strict=True)
    ]
    assert found == wanted


def test_the_address_holds_the_whole_view(ui: Ui, client: Client) -> None:
    run = new_run(client, [*wave(), *wave("val/loss")])
    page = ui.open(f"#/runs/{run}/charts?panels=val%2F*&y=log&smooth=2")
    expect(panel(page, "val/loss")).to_be_visible()
    expect(panel(page, "train/loss")).to_have_count(0)
    expect(page.get_by_label("y axis")).to_have_value("log")
    page.get_by_label("Pin val/loss").press("Enter")
    expect(page.get_by_role("region", name="pinned")).to_be_visible()
    page.reload()
    expect(page.get_by_role("region", name="pinned")).to_be_visible()
    assert "pin=val" in page.url
