import io
import json
import sys
from pathlib import Path

import pytest
from tests.unit.fluent.spooled import writer_in

import runstream
from runstream._fluent.artifacts import artifact_path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/./b",
        "a\\b",
        "a\nb",
        "\udcff",
        "x" * 256,
        "/".join(["x" * 250] * 5),
    ],
)
def test_paths_that_no_artifact_can_have_are_refused(path: str) -> None:
    with pytest.raises(runstream.InvalidValue) as caught:
        artifact_path(path)

    assert caught.value.reason == "INVALID_PATH"


def test_parts_of_paths_are_joined() -> None:
    assert artifact_path(None, "a.txt") == "a.txt"
    assert artifact_path("b/c", "ü.txt") == "b/c/ü.txt"


def test_a_file_may_be_handed_over(spool: Path, tmp_path: Path) -> None:
    kept, given = tmp_path / "kept.bin", tmp_path / "given.bin"
    kept.write_bytes(b"k")
    given.write_bytes(b"g")

    with runstream.start_run() as run:
        run.log_artifact(kept, "in")
        run.log_artifact(given, "in", move=True)

    assert writer_in(spool).artifacts == {"in/kept.bin": b"k", "in/given.bin": b"g"}
    assert kept.exists()
    assert not given.exists()


def test_what_is_logged_is_the_file_as_it_was(spool: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("before")

    with runstream.start_run() as run:
        run.log_artifact(file)
        file.write_text("after")

    assert writer_in(spool).artifacts == {"a.txt": b"before"}


def test_one_bad_name_in_a_folder_logs_nothing_of_it(spool: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    (folder / "b\\c.txt").write_text("b")

    with runstream.start_run() as run, pytest.raises(runstream.InvalidValue):
        run.log_artifacts(folder)

    assert writer_in(spool).artifacts == {}


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with runstream.start_run() as run:
        with pytest.raises(FileNotFoundError):
            run.log_artifact(tmp_path / "none")
        with pytest.raises(runstream.InvalidValue, match="is not a folder"):
            run.log_artifacts(tmp_path / "none")


def test_an_artifact_without_a_server_cannot_be_waited_for(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")

    with (
        runstream.start_run() as run,
        pytest.raises(runstream.ServerUnavailable, match="stays in the spool"),
    ):
        run.log_artifact(tmp_path / "a", wait=True)


def test_dicts_are_json_unless_their_name_says_yaml(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)

    with runstream.start_run() as run:
        run.log_dict({"ä": Path("p")}, "a.json")
        with pytest.raises(runstream.InvalidValue, match="pip install pyyaml"):
            run.log_dict({"a": 1}, "a.yaml")
        with pytest.raises(runstream.InvalidValue, match="cannot be written as JSON"):
            run.log_dict({("a",): 1}, "b.json")

    assert json.loads(writer_in(spool).artifacts["a.json"]) == {"ä": "p"}


def test_figures_of_matplotlib_take_the_format_of_their_name(spool: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib.figure")
    figure = matplotlib.Figure()
    figure.subplots().plot([1, 2])

    with runstream.start_run() as run:
        run.log_figure(figure, "a.png", save_kwargs={"dpi": 20})
        run.log_figure(figure, "a.svg")
        with pytest.raises(runstream.InvalidValue, match="takes figures"):
            run.log_figure("figure", "b.png")

    found = writer_in(spool).artifacts
    assert found["a.png"].startswith(b"\x89PNG")
    assert b"<svg" in found["a.svg"]


def test_figures_of_plotly_become_web_pages(spool: Path) -> None:
    class Figure:
        def to_html(self, **options: object) -> str:
            return f"<html>{options}"

        def to_image(self, **options: object) -> bytes:
            return str(options).encode()

    with runstream.start_run() as run:
        run.log_figure(Figure(), "a.html")
        run.log_figure(Figure(), "a.webp", save_kwargs={"width": 3})

    found = writer_in(spool).artifacts
    assert found == {"a.html": b"<html>{}", "a.webp": b"{'format': 'webp', 'width': 3}"}


def test_images_are_pillow_s_or_arrays(spool: Path) -> None:
    np = pytest.importorskip("numpy")
    image = pytest.importorskip("PIL.Image")
    ramp = np.linspace(0, 1, 12).reshape(3, 4)

    with runstream.start_run() as run:
        run.log_image(image.new("RGBA", (4, 3), "red"), "pillow.jpg")
        run.log_image(ramp, "float.png")
        run.log_image((ramp * 255).astype("uint8")[:, :, None], "uint8.png")
        run.log_image(np.zeros((3, 4, 3), bool), "rgb")
        for bad in (np.full((3, 4), 256), np.full((3, 4), -1), np.zeros(3), np.zeros((3, 4, 2))):
            with pytest.raises(runstream.InvalidValue, match="the image"):
                run.log_image(bad, "bad.png")

    found = {
        path: image.open(io.BytesIO(content))
        for path, content in writer_in(spool).artifacts.items()
    }
    assert {path: (one.format, one.size) for path, one in found.items()} == {
        "pillow.jpg": ("JPEG", (4, 3)),
        "float.png": ("PNG", (4, 3)),
        "uint8.png": ("PNG", (4, 3)),
        "rgb": ("PNG", (4, 3)),
    }
    assert np.asarray(found["float.png"])[0, 0] == 0
    assert np.asarray(found["float.png"])[2, 3] == 255
