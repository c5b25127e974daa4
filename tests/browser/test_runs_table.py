"""The table of runs: filter, order, columns, groups, selection and what can be done with it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.browser import OpenUi, Ui
from tests.support.server import ServerProcess, wait_until
from tests.support.streaming import StartJob

from runstream import Client, MetricPoint, RunStatus
from runstream.entities import LifecycleStage

pytestmark = pytest.mark.slow

RUNS = 12
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One server for all tests here, each with an experiment of its own."""
    return shared_server


@pytest.fixture
def runs(client: Client, request: pytest.FixtureRequest) -> list[str]:
    """Finished runs of an experiment, by ascending loss; the last one has no metrics."""
    ids = []
    for at in range(RUNS):
        run = client.create_run(
            experiment_name=f"table/{request.node.name}",
            name=f"run-{at:02}",
            start_time=START + timedelta(hours=at),
            tags={"team": "a" if at % 2 else "b"},
            user="ada" if at < 6 else "lin",
        )
        client.log_params(
            run.run_id, {"lr": str(0.1 * at), "opt imizer": "sgd" if at % 3 else "lion"}
        )
        if at < RUNS - 1:
            value = float("nan") if at == RUNS - 2 else at / 10
            points = [MetricPoint(key="val/loss", value=value + 1, step=0)]
            points.append(MetricPoint(key="val/loss", value=value, step=1))
            client.log_metrics(run.run_id, points)
        client.finish_run(run.run_id, RunStatus.FAILED if at == 3 else RunStatus.FINISHED)
        ids.append(run.run_id)
    return ids


@pytest.fixture
def place(client: Client, runs: list[str]) -> str:
    """The address of their table."""
    return f"#/experiments/{client.get_run(runs[0]).experiment_id}"


def expect_names(page: Page, *wanted: str) -> None:
    expect(page.locator(".runs-line .runs-name a")).to_have_text(list(wanted))


def line(page: Page, name: str) -> Locator:
    return page.get_by_role("row", name=re.compile(rf"\b{name}\b"))


def apply(page: Page, text: str) -> None:
    page.get_by_role("combobox", name="Filter").fill(text)
    page.get_by_role("combobox", name="Filter").press("Enter")


def test_the_runs_are_there_with_their_values(ui: Ui, place: str) -> None:
    page = ui.open(place)

    expect(page.get_by_role("status").filter(has_text="12 runs")).to_be_visible()
    expect(line(page, "run-03")).to_contain_text("failed")
    expect(line(page, "run-03")).to_contain_text("ada")
    expect(line(page, "run-03").get_by_title("0.3", exact=True)).to_have_text("0.3")
    expect(line(page, "run-10")).to_contain_text("NaN")


def test_a_filter_finds_and_the_address_holds_it(ui: Ui, open_ui: OpenUi, place: str) -> None:
    page = ui.open(place)
    apply(page, "metrics.val/loss < 0.2 AND status = 'FINISHED'")
    expect_names(page, "run-01", "run-00")

    other = open_ui().open(page.url.split("/", 3)[3])

    expect_names(other, "run-01", "run-00")
    expect(other.get_by_role("combobox", name="Filter")).to_have_value(re.compile("val/loss"))


def test_a_wrong_filter_says_where(ui: Ui, place: str) -> None:
    ui.tolerate("400|Failed to load resource")
    page = ui.open(place)
    expect(line(page, "run-00")).to_be_visible()
    apply(page, "status = 'FINISHED' AND stat = 'x'")

    expect(page.get_by_role("alert").locator("mark")).to_have_text("stat")
    expect(page.get_by_role("alert")).to_contain_text("Invalid attribute key 'stat'")
    apply(page, "")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_completion_writes_a_filter_from_the_keyboard(ui: Ui, place: str) -> None:
    page = ui.open(place)
    expect(line(page, "run-00")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("params.opt")
    expect(page.get_by_role("option", name="params.opt imizer")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("= ")
    expect(page.get_by_role("option", name="'lion'")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(page.get_by_role("option")).to_have_count(0)
    page.keyboard.press("Enter")

    expect_names(page, "run-09", "run-06", "run-03", "run-00")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value(
        "params.`opt imizer` = 'lion'"
    )


def test_heads_order_one_column_and_with_shift_several(ui: Ui, place: str) -> None:
    page = ui.open(f"{place}?filter=metrics.val/loss+<+0.4")
    head = page.get_by_role("columnheader", name="val/loss")
    head.get_by_role("button").click()
    expect_names(page, "run-00", "run-01", "run-02", "run-03")
    expect(head).to_have_attribute("aria-sort", "ascending")
    head.get_by_role("button").click()
    expect_names(page, "run-03", "run-02", "run-01", "run-00")

    page.get_by_role("columnheader", name="Status").get_by_role("button").click()
    head.get_by_role("button").click(modifiers=["Shift"])

    expect(page).to_have_url(re.compile(r"order=status,metrics\.val(/|%2F)loss"))
    expect(page.locator(".order-mark")).to_have_text(["↑1", "↑2"])


def test_columns_are_chosen_with_the_least_and_greatest_values(ui: Ui, place: str) -> None:
    page = ui.open(place)
    page.get_by_role("button", name="Columns").click()
    dialog = page.get_by_role("dialog", name="Columns")
    dialog.get_by_label("Search params, metrics, tags").fill("loss")
    dialog.get_by_text("max", exact=True).click()
    dialog.get_by_role("button", name=re.compile("^Show")).click()

    expect(page.get_by_role("columnheader").filter(has_text="max")).to_be_visible()
    expect(line(page, "run-02").get_by_title("1.2", exact=True)).to_have_text("1.2")
    expect(page).to_have_url(re.compile(r"columns=.*max:metrics\.val(/|%2F)loss"))


def test_groups_sum_up_and_leave_nan_out(ui: Ui, place: str) -> None:
    page = ui.open(f"{place}?group=tags.team&columns=metrics.val/loss")
    head = page.get_by_role("row", name=re.compile("team b"))
    expect(head.get_by_role("gridcell")).to_contain_text("0.4")
    expect(head.get_by_title(re.compile("1 NaN left out"))).to_be_visible()

    head.get_by_role("button").click()

    expect(line(page, "run-02")).to_have_count(0)
    expect(line(page, "run-01")).to_be_visible()


def test_runs_are_selected_by_keyboard_and_deleting_is_taken_back(
    ui: Ui, client: Client, runs: list[str], place: str
) -> None:
    page = ui.open(place)
    expect(line(page, "run-11")).to_be_visible()
    for key in ("j", "x", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    expect(page.get_by_role("toolbar", name="Selected runs")).to_contain_text("3 selected")

    page.get_by_role("button", name="Delete", exact=True).click()
    expect(line(page, "run-10")).to_have_count(0)
    assert client.get_run(runs[10]).lifecycle_stage is LifecycleStage.DELETED
    page.get_by_role("button", name="Undo").click()

    expect(line(page, "run-10")).to_be_visible()
    assert client.get_run(runs[10]).lifecycle_stage is LifecycleStage.ACTIVE


def test_runs_are_tagged_and_renamed(ui: Ui, client: Client, runs: list[str], place: str) -> None:
    page = ui.open(f"{place}?columns=tags.stage")
    page.get_by_label("Select run-01").click()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Key", exact=True).fill("stage")
    page.get_by_label("Value", exact=True).fill("<b>baseline</b>")
    page.get_by_role("button", name="Set the tag").click()
    expect(line(page, "run-01")).to_contain_text("<b>baseline</b>")

    page.get_by_role("button", name="Rename", exact=True).click()
    page.get_by_label("Name", exact=True).fill("renamed")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()

    expect(page.get_by_role("link", name="renamed")).to_be_visible()
    assert client.get_run(runs[1]).name == "renamed"


def test_an_abandoned_run_is_ended_after_a_question(
    ui: Ui, start_job: StartJob, client: Client
) -> None:
    job = start_job(experiment="abandoned", name="left alone")
    job.die()
    page = ui.open(f"#/experiments/{client.get_run(job.run_id).experiment_id}")
    page.get_by_label("Select left alone").click()
    page.get_by_role("button", name="End", exact=True).click()
    page.get_by_role("button", name="End as killed").click()

    expect(line(page, "left alone")).to_contain_text("killed")
    assert client.get_run(job.run_id).status is RunStatus.KILLED


def test_a_run_at_work_shows_its_points_and_its_end(
    ui: Ui, start_job: StartJob, client: Client
) -> None:
    job = start_job(experiment="at work", name="busy")
    job.log({"loss": 0.5}, step=1)
    wait_until(lambda: client.get_run(job.run_id).latest_metrics, what="the first point arrives")
    page = ui.open(f"#/experiments/{client.get_run(job.run_id).experiment_id}")
    expect(line(page, "busy")).to_contain_text("running")
    expect(line(page, "busy").get_by_title("0.5", exact=True)).to_be_visible()

    job.log({"loss": 0.25}, step=2)
    expect(line(page, "busy").get_by_title("0.25", exact=True)).to_be_visible()
    job.finish()

    expect(line(page, "busy")).to_contain_text("finished")


def test_presets_write_the_filter(ui: Ui, place: str) -> None:
    page = ui.open(place)
    expect(line(page, "run-00")).to_be_visible()
    page.get_by_role("button", name="Status", exact=True).and_(
        page.locator("[aria-haspopup]")
    ).click()
    page.get_by_role("menuitemradio", name="FAILED").click()
    expect_names(page, "run-03")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("status = 'FAILED'")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_table_fits_a_phone(open_ui: OpenUi, place: str, theme: str) -> None:
    page = open_ui(theme=theme, size=(375, 812)).open(place)  # type: ignore[arg-type]
    expect(line(page, "run-11")).to_be_visible()

    width = page.evaluate("document.documentElement.scrollWidth")

    assert width <= 375
