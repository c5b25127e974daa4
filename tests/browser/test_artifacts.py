"""Files of a run in the browser: the tree, previews, downloads, and logs that grow."""

import base64
import io
import struct
import wave
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.support.browser import Ui
from tests.support.server import ServerProcess
from tests.support.streaming import StartJob

from runstream import Client

MANY_FILES = 10_000
FURTHER = """([height, last]) => {
    const tree = document.querySelector("[role=tree]");
    return tree.scrollHeight > height || tree.textContent.includes(last);
}"""
# 1 200 rows of `epoch`, `name` and `big`, by another program: Snappy, dictionaries, an absent text.
PARQUET = base64.b64decode(
    "UEFSMRUEFWAVZEwVGBUAEgAAMLwAAAAAAQAAAAIAAAADAAAABAAAAAUAAAAGAAAABwAAAAgAAAAJAAAACgAAAAsAAA"
    "AVABVYFVosFeASFRAVBhUGHAAAACxQAwAAAOASAQTIAQDIAQHIAQLIAQPIAQ9IBcgBBsgBB8gBCMgBCcgBCsgBCxUE"
    "FS4VMkwVBBUAEgAAF1gLAAAAPGI+Ym9sZDwvYj4EAAAAendlaRUAFWoVLCwV4BIVEBUGFQYcAAAANSAYAAAAkAMByA"
    "FKBgABFgTIAUoGABUEFRAVFEwVAhUAEgAACBwBAAAAAAAgABUAFRYVGiwV4BIVEBUGFQYcAAAACygDAAAA4BIBAeAS"
    "ABUEGUw1ABgGc2NoZW1hFQYAFQIlAhgFZXBvY2gAFQwlAhgEbmFtZSUATBwAAAAVBCUCGANiaWcAFuASGRwZPCYAHB"
    "UCGTUABhAZGAVlcG9jaBUCFuASFvwBFoICJogBJggpLBUEFQAVAgAVABUQFQIAPCkGGSYA4BIAAAAmABwVDBk1AAYQ"
    "GRgEbmFtZRUCFuASFtwBFqIBJtgCJooCKSwVBBUAFQIAFQAVEBUCADwW4F0ZBhkmoAbADAAAACYAHBUEGTUABhAZGA"
    "NiaWcVAhbgEhZqFnIm3AMmrAMpLBUEFQAVAgAVABUQFQIAPCkGGSYA4BIAAAAWwgQW4BImCBaWBAAoIHBhcnF1ZXQt"
    "Y3BwLWFycm93IHZlcnNpb24gMjYuMC4xGTwcAAAcAAAcAAAAMQEAAFBBUjE="
)


def png() -> bytes:
    """Makes a picture of one red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def wav() -> bytes:
    """Makes a tenth of a second of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(1600))
    return out.getvalue()


FILES: Mapping[str, bytes] = {
    "plots/pixel.png": png(),
    "plots/drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "sound.wav": wav(),
    "config.json": b'{"big":12345678901234567890,"list":[1,{"a":null}]}',
    "broken.json": b"{'no': json}",
    "table.csv": b'a,b\n1,"x, ""y"""\n2,\n',
    "data.parquet": PARQUET,
    "report.html": b"<!doctype html><h1>A report</h1>",
    "report.md": b"# A title\n\n- one",
    "weights": bytes(range(256)) * 8,
    "LICENSE": b"plain words",
    "paper.pdf": b"%PDF-1.4",
    "empty.txt": b"",
}


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """One server for all tests here, which do not meet in it."""
    return shared_server


@pytest.fixture
def run_id(client: Client) -> str:
    run = client.create_run(experiment_name="files", name="with files")
    for path, content in FILES.items():
        client.upload_artifact(run.run_id, path, content)
    return run.run_id


def opened(ui: Ui, run_id: str, path: str) -> Page:
    page = ui.open(f"#/runs/{run_id}/artifacts/{path}")
    expect(page.get_by_role("heading", name=path, exact=True)).to_be_visible()
    return page


def test_the_tree_opens_folder_by_folder(ui: Ui, run_id: str) -> None:
    page = ui.open(f"#/runs/{run_id}/artifacts")
    tree = page.get_by_role("tree", name="Artifacts")
    expect(tree.get_by_role("treeitem")).to_have_count(len(FILES) - 1)

    tree.get_by_role("treeitem", name="plots").click()
    tree.get_by_role("treeitem", name="pixel.png").click()

    expect(page.get_by_role("heading", name="plots/pixel.png")).to_be_visible()
    assert page.url.endswith(f"#/runs/{run_id}/artifacts/plots/pixel.png")
    page.go_back()
    expect(page.get_by_role("heading", name="plots", exact=True)).to_be_visible()


def test_a_deep_link_opens_the_tree_at_the_file(ui: Ui, run_id: str) -> None:
    page = opened(ui, run_id, "plots/pixel.png")

    item = page.get_by_role("treeitem", name="pixel.png")
    expect(item).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("verified")).to_be_visible()


@pytest.mark.parametrize("path", ["plots/pixel.png", "plots/drawing.svg"])
def test_pictures_are_drawn(ui: Ui, run_id: str, path: str) -> None:
    picture = opened(ui, run_id, path).get_by_role("img", name=path)

    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("image => image.naturalWidth") > 0


def test_sounds_can_be_played(ui: Ui, run_id: str) -> None:
    audio = opened(ui, run_id, "sound.wav").locator("audio")

    expect(audio).to_have_js_property("duration", 0.1)


def test_json_is_laid_out_with_its_own_digits(ui: Ui, run_id: str) -> None:
    page = opened(ui, run_id, "config.json")

    expect(page.get_by_role("region", name="Content")).to_have_text(
        '{\n  "big": 12345678901234567890,\n  "list": [\n    1,\n    {\n      "a": null\n'
        "    }\n  ]\n}"
    )
    page.get_by_label("as it is in the file").check()
    expect(page.get_by_role("region", name="Content")).to_have_text(FILES["config.json"].decode())


def test_json_that_is_none_is_shown_as_it_is(ui: Ui, run_id: str) -> None:
    page = opened(ui, run_id, "broken.json")

    expect(page.get_by_text("not valid JSON")).to_be_visible()
    expect(page.get_by_role("region", name="Content")).to_have_text("{'no': json}")


def test_csv_is_a_table(ui: Ui, run_id: str) -> None:
    table = opened(ui, run_id, "table.csv").get_by_role("table", name="Content")

    expect(table.get_by_role("columnheader")).to_have_text(["a", "b"])
    expect(table.get_by_role("cell")).to_have_text(["1", 'x, "y"', "2", ""])


def test_parquet_is_a_table_in_pages(ui: Ui, run_id: str) -> None:
    page = opened(ui, run_id, "data.parquet")
    table = page.get_by_role("table", name="Content")

    expect(table.get_by_role("columnheader")).to_have_text(["epoch", "name", "big"])
    cells = table.get_by_role("row").nth(1).get_by_role("cell")
    expect(cells).to_have_text(["0", "<b>bold</b>", "9007199254740993"])
    page.get_by_role("button", name="After").click()
    expect(page.get_by_text("1\u2009001 to 1\u2009200 of 1\u2009200")).to_be_visible()
    expect(cells).to_have_text(["10", "zwei", "9007199254740993"])


def test_html_is_shown_in_a_frame_without_rights(ui: Ui, run_id: str) -> None:
    page = opened(ui, run_id, "report.html")

    expect(page.locator("iframe")).to_have_attribute("sandbox", "")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="A report")).to_be_visible()


def test_markdown_is_rendered(ui: Ui, run_id: str) -> None:
    page = opened(ui, run_id, "report.md")

    expect(page.get_by_role("heading", name="A title")).to_be_visible()
    expect(page.locator(".markdown li")).to_have_text("one")


def test_other_files_are_judged_by_their_bytes(ui: Ui, run_id: str) -> None:
    expect(opened(ui, run_id, "weights").locator("pre")).to_contain_text(
        "00000010  10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f"
    )
    expect(opened(ui, run_id, "LICENSE").get_by_role("region", name="Content")).to_have_text(
        "plain words"
    )
    expect(opened(ui, run_id, "empty.txt").get_by_text("The file is empty")).to_be_visible()
    expect(
        opened(ui, run_id, "paper.pdf").get_by_role("link", name="Open the PDF")
    ).to_have_attribute("href", f"/artifacts/{run_id}/paper.pdf")


def test_long_texts_come_piece_by_piece(ui: Ui, client: Client, run_id: str) -> None:
    line = "ä line of a long text\n"
    text = "".join(f"{number:06} {line}" for number in range(50_000))
    client.upload_artifact(run_id, "long.txt", text.encode())
    page = opened(ui, run_id, "long.txt")
    content = page.get_by_role("region", name="Content")

    expect(page.get_by_text("1.00 MiB of")).to_be_visible()
    page.get_by_role("button", name="Show more").click()

    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    assert content.evaluate("node => node.textContent") == text


def test_files_and_folders_are_downloaded(ui: Ui, run_id: str) -> None:
    page = opened(ui, run_id, "report.html")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.suggested_filename == "report.html"
    assert Path(download.value.path()).read_bytes() == FILES["report.html"]

    page = opened(ui, run_id, "plots")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as zip").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.read("pixel.png") == FILES["plots/pixel.png"]
        assert sorted(archive.namelist()) == ["drawing.svg", "pixel.png"]


def test_a_folder_of_ten_thousand_files_stays_smooth(ui: Ui, client: Client) -> None:
    run = client.create_run(experiment_name="files", name="many")
    root = Path(client.get_run(run.run_id).artifact_uri.removeprefix("file://"))
    folder = root / "many"
    folder.mkdir(parents=True)
    for number in range(MANY_FILES):
        (folder / f"{number:05}.txt").touch()
    page = ui.open(f"#/runs/{run.run_id}/artifacts")

    page.get_by_role("treeitem", name="many").click()
    tree = page.get_by_role("tree", name="Artifacts")
    expect(tree.get_by_role("treeitem", name="00000.txt")).to_be_visible()
    last = f"{MANY_FILES - 1:05}.txt"
    tree.focus()
    while not tree.get_by_role("treeitem", name=last).is_visible():
        height = tree.evaluate("tree => tree.scrollHeight")
        page.keyboard.press("End")
        page.wait_for_function(FURTHER, arg=[height, last])
    expect(tree.get_by_role("treeitem", name=last)).to_be_visible()
    assert tree.get_by_role("treeitem").count() < 100


def test_files_appear_while_the_job_writes_them(ui: Ui, start_job: StartJob) -> None:
    job = start_job()
    page = ui.open(f"#/runs/{job.run_id}/artifacts")
    expect(page.get_by_text("No artifacts were logged yet")).to_be_visible()

    job.text("one", "notes/first.txt")

    page.get_by_role("treeitem", name="notes").click()
    expect(page.get_by_role("treeitem", name="first.txt")).to_be_visible()


def test_a_log_is_followed_and_searched(ui: Ui, start_job: StartJob) -> None:
    job = start_job()
    lines = [f"\x1b[32mepoch {number}\x1b[0m <b>loss</b>" for number in range(500)]
    job.text("\n".join(lines), "logs/train.log")
    page = ui.open(f"#/runs/{job.run_id}/logs")
    log = page.get_by_role("log", name="Lines")
    expect(log.get_by_text("epoch 499 <b>loss</b>", exact=True)).to_be_visible()

    job.text("\n".join([*lines, "\x1b[31mthe end\x1b[0m"]), "logs/train.log")
    expect(log.get_by_text("the end", exact=True)).to_be_visible()

    page.get_by_label("Search the log").fill("EPOCH 12")
    expect(page.get_by_text("11 lines")).to_be_visible()
    page.keyboard.press("Enter")
    expect(log.locator(".log-line.current")).to_have_text("epoch 12 <b>loss</b>")
    page.get_by_label("only these").check()
    expect(log.locator(".log-line")).to_have_count(11)
