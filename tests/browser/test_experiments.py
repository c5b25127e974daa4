"""The list of experiments: found, made, changed, deleted and brought back."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.browser import Ui
from tests.support.server import ServerProcess, wait_until

from runstream import Client
from runstream.entities import LifecycleStage

pytestmark = pytest.mark.slow


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One server for all tests here, whose experiments have names of their own."""
    return shared_server


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_experiments_are_found_by_a_part_of_their_name(ui: Ui, client: Client) -> None:
    for name in ("find/vision", "find/speech", "find/it's"):
        client.create_experiment(name)
    page = ui.open("#/")
    expect(page.get_by_role("link", name="find/vision")).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("FIND/it's")

    expect(page.get_by_role("link", name="find/it's")).to_be_visible()
    expect(page.get_by_role("link", name="find/vision")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"search=FIND"))


def test_an_experiment_is_made_described_and_renamed(ui: Ui, client: Client) -> None:
    page = ui.open("#/")
    page.get_by_role("button", name="New experiment").click()
    page.get_by_label("Name", exact=True).fill("made/first")
    page.get_by_label("Description").fill("What it is for")
    page.get_by_role("button", name="Create").click()
    expect(page).to_have_url(re.compile(r"#/experiments/\d+$"))
    expect(page.get_by_role("heading", name="made/first")).to_be_visible()

    ui.go("#/")
    expect(row(page, "made/first")).to_contain_text("What it is for")
    page.get_by_role("button", name="Acts on made/first").click()
    page.get_by_role("menuitem", name=re.compile("Rename")).click()
    page.get_by_label("Name", exact=True).fill("made/second")
    page.get_by_role("button", name="+ tag").click()
    page.get_by_label("key of the tag").fill("team")
    page.get_by_label("value of the tag").fill("vision")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Save").click()

    expect(row(page, "made/second")).to_contain_text("vision")
    stored = client.get_experiment_by_name("made/second")
    assert stored.tags["team"] == "vision"
    assert stored.tags["mlflow.note.content"] == "What it is for"


def test_a_name_that_is_taken_is_refused_in_the_window(ui: Ui, client: Client) -> None:
    client.create_experiment("taken")
    ui.tolerate("409|Failed to load resource")
    page = ui.open("#/")
    page.get_by_role("button", name="New experiment").click()
    page.get_by_label("Name", exact=True).fill("taken")
    page.get_by_role("button", name="Create").click()

    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("taken")


def test_deleting_can_be_taken_back(ui: Ui, client: Client) -> None:
    client.create_experiment("gone/soon")
    page = ui.open("#/")
    page.get_by_role("button", name="Acts on gone/soon").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(row(page, "gone/soon")).to_have_count(0)

    page.get_by_role("button", name="Undo").click()

    expect(row(page, "gone/soon")).to_be_visible()
    assert client.get_experiment_by_name("gone/soon").lifecycle_stage is LifecycleStage.ACTIVE


def test_what_is_deleted_is_listed_and_restored(ui: Ui, client: Client) -> None:
    experiment = client.create_experiment("gone/before")
    client.delete_experiment(experiment.experiment_id)
    page = ui.open("#/")
    page.get_by_role("button", name="Deleted", exact=True).click()
    page.get_by_role("button", name="Acts on gone/before").click()
    page.get_by_role("menuitem", name="Restore").click()

    wait_until(
        lambda: (
            client.get_experiment(experiment.experiment_id).lifecycle_stage is LifecycleStage.ACTIVE
        ),
        what="the experiment is restored",
    )
    expect(row(page, "gone/before")).to_have_count(0)


def test_the_runs_of_several_experiments_open_together(ui: Ui, client: Client) -> None:
    for name in ("both/a", "both/b"):
        client.create_run(experiment_name=name, name=f"run of {name}")
    page = ui.open("#/?search=both/")
    page.get_by_label("Select both/a").check()
    page.get_by_label("Select both/b").check()
    page.get_by_role("link", name="Open the runs of 2 together").click()

    expect(page.get_by_role("link", name="run of both/a")).to_be_visible()
    expect(page.get_by_role("link", name="run of both/b")).to_be_visible()
    expect(page.get_by_role("gridcell", name="both/a", exact=True)).to_be_visible()


def test_the_keyboard_alone_reaches_a_run_table(ui: Ui, client: Client) -> None:
    client.create_experiment("keys/only")
    page = ui.open("#/?search=keys/only")
    expect(page.get_by_role("link", name="keys/only")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    page.keyboard.press("j")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="keys/only")).to_be_visible()
