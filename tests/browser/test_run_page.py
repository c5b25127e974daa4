"""The page of one run: what it shows, what can be done there, and how it follows a job."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.browser import Ui
from tests.support.server import ServerProcess, wait_until
from tests.support.streaming import StartJob

from runstream import Client, MetricPoint
from runstream.entities import Dataset, DatasetInput

SOURCE_TAGS = {
    "mlflow.source.name": "train.py",
    "mlflow.source.git.commit": "0123456789abcdef0123456789abcdef01234567",
    "mlflow.source.git.repoURL": "git@github.com:example/digits.git",
    "mlflow.source.git.branch": "main",
    "runstream.source.git.dirty": "true",
    "runstream.host": "node-7",
}


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One server for all tests here, which do not meet in it."""
    return shared_server


@pytest.fixture
def run_id(client: Client) -> str:
    """A run that tells much about itself."""
    tags = {"team": "vision", "mlflow.note.content": "A **first** try.", **SOURCE_TAGS}
    run = client.create_run(experiment_name="digits", name="first", tags=tags, user="ada")
    client.log_params(run.run_id, {"lr": "0.1", "model/depth": "18", "empty": ""})
    points = [
        MetricPoint(key="loss", value=value, step=step, rank=rank)
        for rank in (0, 1)
        for step, value in enumerate([3.0, 1.5 + rank, float("nan"), 2.0])
    ]
    client.log_metrics(run.run_id, [*points, MetricPoint(key="accuracy", value=0.25, step=3)])
    return run.run_id


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=re.compile(rf"^{name}\b"))


def test_the_overview_shows_what_is_known(ui: Ui, client: Client, run_id: str) -> None:
    dataset = Dataset(name="digits", digest="abc123", source_type="local", source="/data/digits")
    client.log_inputs(run_id, [DatasetInput(dataset, {"mlflow.data.context": "training"})])

    page = ui.open(f"#/runs/{run_id}")

    header = page.locator(".run-header")
    expect(header.get_by_role("heading", name="first")).to_be_visible()
    expect(header).to_contain_text("running")
    expect(header).to_contain_text("ada")
    expect(header).to_contain_text(run_id)
    expect(header.get_by_role("link", name="digits")).to_have_attribute(
        "href", f"#/experiments/{client.get_run(run_id).experiment_id}"
    )
    expect(card(page, "Note").locator("strong")).to_have_text("first")
    expect(card(page, "Params").get_by_role("row")).to_have_text(
        ["empty(empty)", "lr0.1", "model/depth18"]
    )
    expect(card(page, "Tags")).to_contain_text("vision")
    expect(card(page, "Datasets")).to_contain_text("training")
    expect(page).to_have_title("first · runstream")


def test_the_source_links_to_the_commit(ui: Ui, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}")

    source = card(page, "Source")
    commit = SOURCE_TAGS["mlflow.source.git.commit"]
    link = source.get_by_role("link", name=commit[:10])
    expect(link).to_have_attribute("href", f"https://github.com/example/digits/commit/{commit}")
    expect(link).to_have_attribute("rel", re.compile("noopener"))
    for text in ("train.py", "main", "node-7", "with changes"):
        expect(source).to_contain_text(text)


def test_metrics_stand_by_rank_and_are_searched(ui: Ui, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}")

    metrics = card(page, "Metrics")
    rows = metrics.get_by_role("row")
    for number, texts in enumerate(
        [
            ["accuracy", "", "0.25", "0.25", "0.25", "1", "3"],
            ["loss", "0", "2", "1.5", "3", "4 ⚠", "3"],
            ["loss", "1", "2", "2", "3", "4 ⚠", "3"],
        ]
    ):
        expect(rows.nth(1 + number).get_by_role("cell")).to_have_text(texts)

    metrics.get_by_label("Search metrics").fill("acc")
    expect(rows).to_have_count(2)
    metrics.get_by_label("Search metrics").fill("nothing like it")
    expect(metrics).to_contain_text("No metric matches")


def test_a_run_is_renamed_in_place(ui: Ui, client: Client, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}")

    page.get_by_role("button", name="Change the name").click()
    page.get_by_role("textbox", name="name").fill("second")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="second")).to_be_visible()
    wait_until(lambda: client.get_run(run_id).name == "second")


def test_a_deleted_run_comes_back_by_undo_and_by_restore(
    ui: Ui, client: Client, run_id: str
) -> None:
    page = ui.open(f"#/runs/{run_id}")

    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("This run is deleted")).to_be_visible()
    assert client.get_run(run_id).lifecycle_stage == "DELETED"
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("This run is deleted")).to_be_hidden()

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("This run is deleted")).to_be_hidden()
    wait_until(lambda: client.get_run(run_id).lifecycle_stage == "ACTIVE")


def test_an_abandoned_run_is_ended(ui: Ui, client: Client, start_job: StartJob) -> None:
    job = start_job(name="left alone")
    job.log({"loss": 1.0})
    job.die()
    page = ui.open(f"#/runs/{job.run_id}")
    expect(page.locator(".run-title .run-status")).to_have_text("running")

    page.get_by_role("button", name="End run").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("failed").check()
    dialog.get_by_role("button", name="End run").click()

    expect(page.locator(".run-title .run-status")).to_have_text("failed")
    assert client.get_run(job.run_id).status == "FAILED"
    expect(page.get_by_role("button", name="End run")).to_be_hidden()


def test_tags_are_added_changed_and_removed(ui: Ui, client: Client, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}")
    tags = card(page, "Tags")

    tags.get_by_role("button", name="Add").click()
    tags.get_by_label("Key of the new tag").fill("stage")
    tags.get_by_label("Value of the new tag").fill("draft")
    page.keyboard.press("Enter")
    expect(tags).to_contain_text("draft")
    tags.get_by_role("button", name="Change the tag stage").click()
    tags.get_by_role("textbox", name="tag stage").fill("final")
    page.keyboard.press("Enter")
    expect(tags).to_contain_text("final")
    wait_until(lambda: client.get_run(run_id).tags.get("stage") == "final")

    tags.get_by_role("button", name="Remove the tag stage").click()
    expect(tags).not_to_contain_text("final")
    page.get_by_role("button", name="Undo").click()
    expect(tags).to_contain_text("final")


def test_a_note_is_written_with_a_preview(ui: Ui, client: Client, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}")
    note = card(page, "Note")

    note.get_by_role("button", name="Edit").click()
    note.get_by_label("Note, in Markdown").fill("## Result\n\nIt *works*.")
    note.get_by_role("button", name="Preview").click()
    expect(note.get_by_role("heading", name="Result")).to_be_visible()
    note.get_by_role("button", name="Save").click()

    expect(note.locator("em")).to_have_text("works")
    wait_until(
        lambda: client.get_run(run_id).tags["mlflow.note.content"] == "## Result\n\nIt *works*."
    )


def test_ids_and_programs_are_copied(ui: Ui, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}")

    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("menuitem", name="Run id").click()
    expect(page.get_by_text("Copied the run's id")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == run_id

    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("menuitem", name="Python that reads it").click()
    expect(page.get_by_text("Copied Python")).to_be_visible()
    program = page.evaluate("navigator.clipboard.readText()")
    compile(program, "copied", "exec")
    assert run_id in program


def test_a_page_follows_a_job(ui: Ui, start_job: StartJob) -> None:
    job = start_job(name="live")
    page = ui.open(f"#/runs/{job.run_id}")
    metrics = card(page, "Metrics")
    expect(metrics).to_contain_text("No metrics were logged")

    job.log({"loss": 0.5}, step=7)
    cells = metrics.get_by_role("row").nth(1).get_by_role("cell")
    expect(cells).to_have_text(["loss", "0.5", "0.5", "0.5", "1", "7"])
    expect(page.locator(".run-facts")).to_contain_text("just now")
    job.params({"lr": 0.25})
    expect(card(page, "Params")).to_contain_text("0.25")
    job.finish()
    expect(page.locator(".run-title .run-status")).to_have_text("finished")
    expect(card(page, "Writers")).to_contain_text("finished")


def test_what_a_writer_gave_up_is_shown(ui: Ui, client: Client, start_job: StartJob) -> None:
    job = start_job()
    job.log({"loss": 0.5})
    wait_until(lambda: list(client.list_writers(job.run_id)))
    (writer,) = client.list_writers(job.run_id)
    client.finish_writer(job.run_id, writer.writer_id, "FAILED", message="CUDA out of memory")

    page = ui.open(f"#/runs/{job.run_id}")

    expect(card(page, "Writers")).to_contain_text("failed")
    expect(card(page, "Writers")).to_contain_text("CUDA out of memory")


def test_children_and_parent_lead_to_each_other(ui: Ui, client: Client, run_id: str) -> None:
    child = client.create_run(experiment_name="digits", name="fold 1", parent_run_id=run_id)
    client.log_metrics(child.run_id, [MetricPoint(key="score", value=0.75)])
    client.finish_run(child.run_id, "FINISHED")

    page = ui.open(f"#/runs/{run_id}/children")
    row = page.get_by_role("row", name=re.compile("fold 1"))
    expect(row).to_contain_text("finished")
    expect(row).to_contain_text("0.75")
    row.get_by_role("link").click()

    expect(page.get_by_role("heading", name="fold 1")).to_be_visible()
    page.get_by_role("navigation", name="Where the run belongs").get_by_text("first").click()
    expect(page.get_by_role("heading", name="first")).to_be_visible()


def test_a_run_that_does_not_exist_is_told_and_waited_for(ui: Ui, client: Client) -> None:
    ui.tolerate("404")
    run_id = "0" * 32
    page = ui.open(f"#/runs/{run_id}")
    expect(page.get_by_role("heading", name="There is no such run")).to_be_visible()

    # Whoever follows the link that a job printed may be there before the job's first words.
    client.create_run(experiment_name="late", run_id=run_id, name="came later")
    expect(page.get_by_role("heading", name="came later")).to_be_visible()
