"""The pages for people who use them otherwise: by keyboard, with a screen reader, in the dark."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.support.browser import ROOT, OpenUi, Theme, Ui
from tests.support.server import ServerProcess

from runstream import Client, MetricPoint
from runstream.entities import Dataset, DatasetInput

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}
FIND = """async () => {
    const found = await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]});
    return found.violations.map(({id, impact, help, nodes}) => ({
        id, impact, help,
        nodes: nodes.slice(0, 5).map(node => `${node.html} ${node.failureSummary}`),
    }));
}"""
PHONE = (375, 812)

# Addresses, and what is there once the page is.
PAGES = {
    "experiments": ("", "main"),
    "runs": ("#/experiments/{experiment}", "main"),
    "overview": ("#/runs/{run}", "role=table[name='Metrics'] >> role=cell >> nth=0"),
    "charts": ("#/runs/{run}/charts", "main canvas >> nth=0"),
    "artifacts": ("#/runs/{run}/artifacts", "role=treeitem >> nth=0"),
    "table": ("#/runs/{run}/artifacts/tables/a.csv", "role=cell >> nth=0"),
    "text": ("#/runs/{run}/artifacts/config.json", "role=region[name='Content']"),
    "log": ("#/runs/{run}/logs", ".log-line >> nth=0"),
    "children": ("#/runs/{run}/children", "role=rowheader >> nth=0"),
    "compare": ("#/compare?runs={run},{child}", "main"),
    "nowhere": ("#/no/such/page", "role=heading"),
}


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One server for all tests here, which do not meet in it."""
    return shared_server


@pytest.fixture
def places(client: Client) -> dict[str, str]:
    """Ids of an experiment and of runs that have something of everything."""
    tags = {
        "team": "vision",
        "mlflow.note.content": "# Note\n\n[a link](https://example.org) and `code`",
        "mlflow.source.git.commit": "0123456789abcdef",
        "mlflow.source.git.repoURL": "https://github.com/a/b",
        "runstream.source.git.dirty": "true",
    }
    run = client.create_run(experiment_name="seen by all", name="first", tags=tags)
    client.log_params(run.run_id, {f"param {number}": str(number) for number in range(12)})
    points = [
        MetricPoint(key=key, value=value, step=step, rank=rank)
        for key in ("loss", "accuracy")
        for rank in (0, 1)
        for step, value in enumerate([1.0, float("nan"), 0.5])
    ]
    client.log_metrics(run.run_id, points)
    dataset = Dataset(name="digits", digest="abc", source_type="local", source="/data")
    client.log_inputs(run.run_id, [DatasetInput(dataset, {"mlflow.data.context": "training"})])
    for path, text in {
        "tables/a.csv": "a,b\n1,2\n",
        "config.json": '{"a": 1}',
        "logs/train.log": "one\ntwo\n",
    }.items():
        client.upload_artifact(run.run_id, path, text.encode())
    child = client.create_run(
        experiment_id=run.experiment_id, name="second", parent_run_id=run.run_id
    )
    client.log_metrics(child.run_id, [MetricPoint(key="loss", value=0.75)])
    client.finish_run(child.run_id, "FAILED")
    return {"run": run.run_id, "experiment": run.experiment_id, "child": child.run_id}


def violations(page: Page, axe: Path = AXE) -> list[str]:
    """Returns what is gravely wrong with a page, in words."""
    assert axe.exists(), f"{axe} is missing: run `make web`"
    # As the page's own, it would be kept out by its policy.
    page.evaluate(axe.read_text())
    return [
        f"{found['impact']}: {found['id']} ({found['help']}):\n  " + "\n  ".join(found["nodes"])
        for found in page.evaluate(FIND)
        if found["impact"] in GRAVE
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_grave_violation(
    open_ui: OpenUi, places: dict[str, str], theme: Theme
) -> None:
    ui = open_ui(theme=theme)
    phone = open_ui(theme=theme, size=PHONE)
    grave: list[str] = []

    for name, (address, sign) in PAGES.items():
        for each in (ui, phone):
            page = each.open(address.format(**places))
            expect(page.locator(sign).first).to_be_visible()
            grave += [f"{name} {each.page.viewport_size}: {what}" for what in violations(page)]

    assert not grave, "\n".join(grave)


@pytest.mark.parametrize("dialog", ["end", "menu", "note", "tag"])
def test_what_opens_has_no_grave_violation(ui: Ui, places: dict[str, str], dialog: str) -> None:
    page = ui.open(f"#/runs/{places['run']}")
    names = {"end": "End run …", "menu": "Copy", "note": "Edit", "tag": "Add"}

    page.get_by_role("button", name=names[dialog], exact=True).click()

    assert not violations(page)


def test_a_run_is_walked_through_by_keyboard_alone(ui: Ui, places: dict[str, str]) -> None:
    page = ui.open(f"#/runs/{places['run']}")
    expect(page.get_by_role("heading", name="first")).to_be_visible()

    tab_to(page, "Artifacts")
    page.keyboard.press("Enter")
    expect(page.get_by_role("treeitem").first).to_be_visible()
    tab_to(page, "tree")
    page.keyboard.press("t")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("treeitem", name="a.csv")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="tables/a.csv")).to_be_visible()

    page.go_back()
    page.go_back()
    expect(page.get_by_role("table", name="Params")).to_be_visible()
    tab_to(page, "Change the name")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="name", exact=True)).to_be_focused()
    page.keyboard.type("renamed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="renamed")).to_be_visible()

    tab_to(page, "Copy")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Link to this page")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_focused()


FOCUSED = """() => {
    const at = document.activeElement;
    return [at.getAttribute("aria-label"), at.getAttribute("role"), at.textContent.trim()];
}"""
MOST_TABS = 60


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until what has the focus is called so, or is of that role."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if name in page.evaluate(FOCUSED):
            shown = page.evaluate(
                "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
            )
            assert shown, f"{name} does not show that it has the focus"
            return
    raise AssertionError(f"no {name!r} is reached by {MOST_TABS} presses of Tab")
