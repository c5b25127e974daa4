"""Addresses: the same view for whoever opens them, links that programs print, and restarts."""

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect
from tests.integration.client.jobs import Jobs
from tests.support.browser import OpenUi, Ui
from tests.support.server import ServerProcess
from tests.support.streaming import StartJob

from runstream import Client

TIMEOUT_S = 120
ADDRESS = re.compile(r"https?://\S+/#/\S+")
FLUENT = """
import runstream
with runstream.start_run(run_name="printed") as run:
    run.log({"loss": 1.0})
"""
MLFLOW = """
import mlflow
mlflow.set_experiment("from mlflow")
with mlflow.start_run(run_name="printed by mlflow"):
    mlflow.log_metric("loss", 1.0)
"""


def test_a_link_shows_a_colleague_the_same_view(open_ui: OpenUi, client: Client, ui: Ui) -> None:
    run = client.create_run(experiment_name="shared", name="shared run")
    client.upload_artifact(run.run_id, "plots/a & b #1.txt", b"the same")
    page = ui.open(f"#/runs/{run.run_id}/artifacts")
    page.get_by_role("treeitem", name="plots").click()
    page.get_by_role("treeitem", name="a & b #1.txt").click()
    expect(page.get_by_role("region", name="Content")).to_have_text("the same")

    other = open_ui(theme="dark")
    other.page.goto(page.url)

    expect(other.page.get_by_role("heading", name="plots/a & b #1.txt")).to_be_visible()
    expect(other.page.get_by_role("region", name="Content")).to_have_text("the same")


def test_back_and_forward_go_through_the_sections(ui: Ui, client: Client) -> None:
    run = client.create_run(experiment_name="shared", name="sections")
    page = ui.open(f"#/runs/{run.run_id}")
    sections = page.get_by_role("navigation", name="Sections of the run")

    for name in ("Artifacts", "Logs", "Child runs"):
        sections.get_by_role("link", name=name).click()
        expect(sections.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    page.go_back()
    expect(sections.get_by_role("link", name="Logs")).to_have_attribute("aria-current", "page")
    page.go_forward()
    expect(sections.get_by_role("link", name="Child runs")).to_have_attribute(
        "aria-current", "page"
    )


def test_the_link_that_a_job_prints_opens_its_run(
    ui: Ui, server: ServerProcess, tmp_path: Path
) -> None:
    jobs = Jobs(tmp_path, f"grpc://{server.grpc_address}")
    try:
        jobs.run(FLUENT)  # the shipper that it starts learns the server's web address
        done = jobs.run(FLUENT)
    finally:
        jobs.close()
    printed = ADDRESS.search(done.stderr + done.stdout)
    assert printed, done.stderr

    ui.page.goto(printed[0])

    expect(ui.page.get_by_role("heading", name="printed")).to_be_visible()


def test_the_link_that_mlflow_prints_opens_its_run(ui: Ui) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MLFLOW],
        env={
            "MLFLOW_TRACKING_URI": ui.origin,
            "GIT_PYTHON_REFRESH": "quiet",
            "PATH": "/usr/bin:/bin",
            "HOME": "/nonexistent",
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (printed,) = [link for link in ADDRESS.findall(done.stdout) if "/runs/" in link]

    ui.page.goto(printed)

    expect(ui.page.get_by_role("heading", name="printed by mlflow")).to_be_visible()


def test_a_page_goes_on_after_a_restart_of_the_server(
    ui: Ui, server: ServerProcess, start_job: StartJob
) -> None:
    ui.tolerate("Failed to load resource|ERR_|network")
    job = start_job(name="patient")
    job.log({"loss": 2.0}, step=1)
    page = ui.open(f"#/runs/{job.run_id}")
    cells = page.get_by_role("table", name="Metrics").get_by_role("row").nth(1).get_by_role("cell")
    expect(cells.nth(1)).to_have_text("2")

    server.kill9()
    expect(page.get_by_text("connection lost")).to_be_visible()
    server.start()
    job.log({"loss": 1.0}, step=2)

    expect(page.get_by_text("connection lost")).to_be_hidden()
    expect(cells.nth(1)).to_have_text("1")
    job.finish()
    expect(page.locator(".run-title .run-status")).to_have_text("finished")
