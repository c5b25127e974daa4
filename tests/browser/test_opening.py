"""The fixtures' own check: the page opens, and what a page may not do is told."""

import re

from playwright.sync_api import Page, expect
from tests.support.browser import Ui
from tests.support.streaming import StartJob


def test_the_start_page_opens_without_a_defect(page: Page) -> None:
    expect(page).to_have_title(re.compile("runstream"))
    expect(page.get_by_role("banner")).to_be_visible()


def test_what_a_page_may_not_do_is_told(ui: Ui) -> None:
    ui.tolerate(".")
    page = ui.open()
    expect(page.get_by_role("banner")).to_be_visible()

    page.evaluate("console.error('said')")
    page.evaluate("setTimeout(() => { throw new Error('thrown'); })")
    page.evaluate("fetch('http://127.0.0.1:9/elsewhere').catch(() => {})")
    page.evaluate("alert('asked')")

    expect_told(ui, "said", "thrown", "elsewhere", "asked")
    assert ui.untolerated() == []


def test_a_job_streams_into_the_server(ui: Ui, start_job: StartJob) -> None:
    job = start_job(name="first")
    job.params({"lr": 0.1})
    job.stream("loss", "accuracy", per_second=50)
    job.finish()

    ui.open(f"#/runs/{job.run_id}")

    expect(ui.page.get_by_text(job.run_id).first).to_be_visible()


def expect_told(ui: Ui, *words: str) -> None:
    ui.page.wait_for_timeout(0)
    for word in words:
        told = [defect for defect in ui.defects if word in defect]
        assert told, f"{word!r} is not among {ui.defects}"
