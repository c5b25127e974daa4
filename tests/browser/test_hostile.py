"""Names and files made to run scripts in the reader's browser: every one is shown, none runs."""

import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote

import pytest
from playwright.sync_api import Error, FrameLocator, Page, expect
from tests.support.browser import OpenUi, Ui
from tests.support.server import ServerProcess

from runstream import Client, MetricPoint

ELSEWHERE = "http://127.0.0.1:9"
RUN = "window.top.__pwned=1;alert(1)"
SCRIPT = f"<script>{RUN}</script>"
IMAGE = f"<img src=x onerror={RUN}>"
QUOTES = f"\"'><svg onload={RUN}>"
TURNED = "\u202egnp.exe\u2066\u200b"
TEMPLATE = "${__pwned=1}{{constructor.constructor('__pwned=1')()}}"

HOSTILE_NAMES: Mapping[str, str] = {
    "script": SCRIPT,
    "image": IMAGE,
    "quotes": QUOTES,
    "turned": TURNED,
    "template": TEMPLATE,
    "prototype": "__proto__",
    "address": f"javascript:{RUN}",
    "entity": "&lt;script&gt;&#60;img&#62;",
    "frame": f"<iframe srcdoc='{SCRIPT}'></iframe>",
    "style": "<style>*{display:none}</style><link rel=stylesheet href=http://127.0.0.1:9/x>",
}

SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 width="40" height="40" onload="{RUN}"><script>{RUN}</script><rect width="40" height="40"/>
<image href="{ELSEWHERE}/x.png" width="9" height="9"/>
<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><img src="x" onerror="{RUN}"/></body>
</foreignObject></svg>"""
HTML = f"""<!doctype html><meta http-equiv="refresh" content="0;url={ELSEWHERE}/refreshed">
<base href="{ELSEWHERE}/"><link rel="stylesheet" href="{ELSEWHERE}/x.css">
<script>{RUN};window.top.location="{ELSEWHERE}/top"</script><script src="{ELSEWHERE}/x.js"></script>
<h1>Shown</h1><img src="x" onerror="{RUN}"><iframe src="javascript:{RUN}"></iframe>
<form action="{ELSEWHERE}/form" target="_top"><button>press me</button></form>
<a href="javascript:{RUN}" target="_top">script</a>
<a href="{ELSEWHERE}/link" target="_top">away</a><body onload="{RUN}">"""
MARKDOWN = f"""# Shown

{IMAGE}

{SCRIPT}

<style>* {{ display: none }}</style>

<a href="javascript:{RUN}">markup</a>

[one](javascript:{RUN}) [two](JaVaScRiPt:{RUN}) [three](data:text/html;base64,PHNjcmlwdD4=)
[four](vbscript:x) [five](&#106;avascript:{RUN}) <javascript:{RUN}>

![six]({ELSEWHERE}/x.png) ![seven](data:image/svg+xml;base64,PHN2Zz4=)

[eight]: javascript:{RUN}

[eight] {QUOTES}
"""
FILES: Mapping[str, str] = {
    "picture.svg": SVG,
    "page.html": HTML,
    "page.htm": HTML,
    "page.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><script>{RUN}</script></html>',
    "sheet.xml": f'<?xml-stylesheet href="{ELSEWHERE}/x.xsl"?><a>{SCRIPT}</a>',
    "notes.md": MARKDOWN,
    "data.json": json.dumps({"__proto__": {"pwned": SCRIPT}, "constructor": {"a": IMAGE}}),
    "formulas.csv": f'=HYPERLINK("{ELSEWHERE}"),{SCRIPT.replace(",", ";")}\n@SUM(1),"{IMAGE}"\n',
    "log.log": f"\x1b]8;;javascript:{RUN}\x07{SCRIPT}\x1b]8;;\x07\n{IMAGE}\n",
    "fake.png": HTML,
    "fake.pdf": HTML,
    "unknown": HTML,
}


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One server for all tests here, which do not meet in it."""
    return shared_server


@pytest.fixture
def hostile(open_ui: OpenUi) -> Iterator[Ui]:
    """A window that ends where it began, whatever it shows."""
    ui = open_ui()
    # Chromium tells what it kept a sandboxed document from doing, and tries a bad picture.
    ui.tolerate(r"^console \w+: (Blocked script execution|Refused to|Unsafe attempt|Not allowed)")
    ui.tolerate(r"sandboxed|Content Security Policy|violates the following|net::ERR|favicon")
    ui.context.add_init_script("window.__pwned = 0")
    yield ui
    assert_untouched(ui)


def assert_untouched(ui: Ui) -> None:
    for page in ui.context.pages:
        if page.url.startswith(ui.origin):
            assert page.evaluate("window.__pwned") == 0
            assert page.evaluate("({}).pwned") is None
    assert len(ui.context.pages) == 1, "a window was opened"
    told = [defect for defect in ui.defects if "dialog" in defect or "another origin" in defect]
    assert not told


def expect_text(page: Page, text: str) -> None:
    """Expects that a text stands somewhere on the page exactly as it is."""
    page.wait_for_function("text => document.body.textContent.includes(text)", arg=text)


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_hostile_names_are_shown_as_they_are(hostile: Ui, client: Client, name: str) -> None:
    key = name[:250]
    run = client.create_run(experiment_name=f"experiment {name}", name=name, tags={key: name})
    client.log_params(run.run_id, {key: name})
    client.log_metrics(run.run_id, [MetricPoint(key=key, value=1.0, step=1)])
    child = client.create_run(
        experiment_name=f"experiment {name}", name=name, parent_run_id=run.run_id
    )
    page = hostile.page

    hostile.open()
    expect_text(page, f"experiment {name}")
    for section in ("", "/charts", "/children"):
        hostile.go(f"#/runs/{run.run_id}{section}")
        expect(page.locator(".run-title .editable > span")).to_have_text(name)
        expect_text(page, name)
    expect(page).to_have_title(f"{name} · runstream")
    hostile.go(f"#/runs/{child.run_id}")
    expect(page.locator(".run-trail")).to_contain_text(name)
    hostile.go(f"#/experiments/{run.experiment_id}")
    expect_text(page, name)
    expect(page.get_by_role("banner")).to_be_visible()


@pytest.mark.parametrize("path", FILES)
def test_hostile_files_are_shown_and_do_nothing(hostile: Ui, client: Client, path: str) -> None:
    run = client.create_run(experiment_name="files", name="hostile files")
    client.upload_artifact(run.run_id, path, FILES[path].encode())
    page = hostile.open(f"#/runs/{run.run_id}/artifacts/{path}")
    before = page.url

    expect(page.get_by_role("heading", name=path, exact=True)).to_be_visible()
    expect(page.locator(".artifact-preview")).not_to_contain_text("Loading …")
    if page.locator("iframe").count() > 0:
        press_everything(page.frame_locator("iframe"))

    assert page.url == before
    assert hostile.origin in page.url


@pytest.mark.parametrize("path", FILES)
def test_hostile_files_have_no_rights_in_a_tab_of_their_own(
    hostile: Ui, client: Client, path: str
) -> None:
    run = client.create_run(experiment_name="files", name="hostile files")
    client.upload_artifact(run.run_id, path, FILES[path].encode())
    address = f"{hostile.origin}/artifacts/{run.run_id}/{path}"

    answer = hostile.server.get(f"/artifacts/{run.run_id}/{path}")
    policy = answer.headers["content-security-policy"]
    assert {"sandbox", "default-src 'none'"} <= {each.strip() for each in policy.split(";")}
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.headers.get("content-disposition", "").startswith("attachment"):
        return
    try:
        hostile.page.goto(address, wait_until="commit")
    except Error as error:
        if "Download is starting" not in error.message:
            raise
        return  # what the browser does not show it keeps
    assert hostile.page.evaluate("window.__pwned") == 0


def test_hostile_paths_are_shown_and_linked(hostile: Ui, client: Client) -> None:
    run = client.create_run(experiment_name="files", name="hostile paths")
    folders = [SCRIPT.replace("/", ""), IMAGE, TURNED, "a?zip#b%2f", "__proto__", "'\"&<>"]
    for folder in folders:
        client.upload_artifact(run.run_id, f"{folder}/{folder}.txt", folder.encode())
    page = hostile.open(f"#/runs/{run.run_id}/artifacts")

    expect(page.get_by_role("treeitem")).to_have_count(len(folders))
    for folder in folders:
        path = f"{quote(folder, safe='')}/{quote(folder, safe='')}.txt"
        hostile.go(f"#/runs/{run.run_id}/artifacts/{path}")
        expect(page.locator(".artifact-head h2")).to_have_text(f"{folder}/{folder}.txt")
        expect(page.get_by_role("region", name="Content")).to_have_text(folder)


def test_a_hostile_note_is_harmless_also_while_it_is_edited(hostile: Ui, client: Client) -> None:
    run = client.create_run(
        experiment_name="notes", name="noted", tags={"mlflow.note.content": MARKDOWN}
    )
    page = hostile.open(f"#/runs/{run.run_id}")
    note = page.get_by_role("region", name="Note")

    expect(note.get_by_role("heading", name="Shown")).to_be_visible()
    expect_text(page, IMAGE)
    assert note.locator("script, style, iframe, svg[onload], img, a[href]").count() == 0
    note.get_by_role("button", name="Edit").click()
    note.get_by_role("button", name="Preview").click()
    expect(note.get_by_role("heading", name="Shown")).to_be_visible()
    assert note.locator("script, style, iframe, svg[onload], img, a[href]").count() == 0


def test_hostile_source_tags_make_no_links(hostile: Ui, client: Client) -> None:
    tags = {
        "mlflow.source.name": SCRIPT,
        "mlflow.source.git.commit": "0123456789abcdef",
        "mlflow.source.git.repoURL": f"javascript:{RUN}//github.com/a/b",
        "mlflow.source.git.branch": IMAGE,
    }
    run = client.create_run(experiment_name="sources", name="sourced", tags=tags)
    page = hostile.open(f"#/runs/{run.run_id}")
    source = page.get_by_role("region", name="Source")

    expect(source).to_contain_text(SCRIPT)
    expect(source).to_contain_text(IMAGE)
    assert source.get_by_role("link").count() == 0


def press_everything(frame: FrameLocator) -> None:
    """Presses what a document in a frame offers."""
    expect(frame.get_by_role("heading", name="Shown")).to_be_visible()
    for selector in ("button", "a >> nth=0", "a >> nth=1"):
        frame.locator(selector).dispatch_event("click")
