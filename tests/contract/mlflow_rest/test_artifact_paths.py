"""No path leads out of the store, or to what is its own.

Paths are refused before any store hears of them, and links are those of a folder.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.mlflow_rest.artifact_client import API, ROOT, UI_API, ArtifactClient
from tests.support.server import ServerProcess

HOSTILE = [
    "..",
    "../x",
    "a/../../x",
    "a/..",
    "%2e%2e/x",
    "%2E%2E%2Fx",
    "%252e%252e/x",
    "%25252e%25252e%25252fx",
    "..%2fx",
    "..%252fx",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "%252fetc%252fpasswd",
    "..%5cx",
    "%5cetc",
    "%5c%5chost%5cshare%5cx",
    "a%5c..%5cb",
    "C:/x",
    "C:%5cx",
    "a%00b",
    "a%00",
    "a%7fb",
    "a%2523b",
    "a%23b",
    "file:///etc/passwd",
    "file:x",
    "FILE:/etc/passwd",
    ".uploads",
    ".uploads/x",
    ".UPLOADS/x",
    "./.uploads/x",
    "%2euploads/x",
    "x" * 300,
    "x/" * 2000 + "x",
    "%" + "25" * 12 + "2e",
]


@pytest.fixture
def files(shared_server: ServerProcess) -> Iterator[ArtifactClient]:
    with ArtifactClient(shared_server) as client:
        yield client


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("runstream.db")
    }


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_is_refused_whatever_is_done_with_it(
    files: ArtifactClient, path: str
) -> None:
    parent = files.server.data_dir
    (parent / "x").write_bytes(b"not an artifact")
    files.put("bystander")
    before = tree(parent)

    answers = [
        files.send("PUT", f"{ROOT}/{path}", b"evil"),
        files.send("GET", f"{ROOT}/{path}"),
        files.send("HEAD", f"{ROOT}/{path}"),
        files.send("DELETE", f"{ROOT}/{path}"),
        files.send("GET", f"{ROOT}?path={path}"),
        files.post(f"/api/2.0/mlflow-artifacts/mpu/create/{path}", {"path": "x"}),
    ]

    assert [answer.status for answer in answers[:5]] == [400] * 5, answers
    assert answers[5].status in {400, 501}
    assert tree(parent) == before


@pytest.mark.parametrize("path", [path for path in HOSTILE if "uploads" not in path.lower()])
def test_a_hostile_path_in_a_run_is_refused(files: ArtifactClient, path: str) -> None:
    run_id = files.new_run()["run_id"]
    before = tree(files.server.data_dir)

    answers = [
        files.send("GET", f"{API}/artifacts/list?run_id={run_id}&path={path}"),
        files.send("GET", f"/get-artifact?run_id={run_id}&path={path}"),
        files.send("POST", f"{UI_API}/upload-artifact?run_uuid={run_id}&path={path}", b"evil"),
    ]

    assert [answer.status for answer in answers] == [400] * 3, answers
    assert tree(files.server.data_dir) == before


@pytest.mark.parametrize(
    ("path", "stored"),
    [
        ("a b/c d", "a b/c d"),
        (" lead", " lead"),
        ("..a/...", "..a/..."),
        ("x//y/./z", "x/y/z"),
        ("épée/漢字/😀", "épée/漢字/😀"),
        ("q?r", "q?r"),
        ("50%", "50%"),
        ("a&b=c+d", "a&b=c+d"),
        ("m:n", "m:n"),
        ("deep/.uploads/x", "deep/.uploads/x"),
    ],
)
def test_an_odd_but_plain_path_is_taken(files: ArtifactClient, path: str, stored: str) -> None:
    assert files.put(f"odd/{path}", b"odd").status == 200

    assert files.get(f"odd/{path}").data == b"odd"
    folder, _, name = f"odd/{stored}".rpartition("/")
    assert name in [file["path"] for file in files.listed(folder)["files"]]
    assert (files.server.data_dir / "artifacts" / "odd" / stored).read_bytes() == b"odd"


@pytest.mark.parametrize("path", ["", "a/", "a/b/", "."])
def test_a_file_needs_a_name(files: ArtifactClient, path: str) -> None:
    assert files.send("PUT", f"{ROOT}/{path}", b"data").status == 400


def test_the_top_cannot_be_deleted(files: ArtifactClient) -> None:
    files.put("stays")

    for path in ("/", "/.", "/%2e", "//"):
        assert files.send("DELETE", f"{ROOT}{path}").status == 400

    assert files.get("stays").status == 200


def test_links_in_the_store_are_not_followed(files: ArtifactClient, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    files.put("links/plain")
    folder = files.server.data_dir / "artifacts" / "links"
    (folder / "file").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path)

    assert files.get("links/file").status == 404
    assert files.get("links/folder/secret").status == 404
    assert files.listed("links/folder") == {}
    assert files.listed("links")["files"] == [{"path": "plain", "is_dir": False, "file_size": 4}]
    assert files.put("links/folder/new").status == 400
    assert files.delete("links/folder").status == 200
    assert (tmp_path / "secret").read_bytes() == b"secret"
