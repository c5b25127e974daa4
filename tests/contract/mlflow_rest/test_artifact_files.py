"""Files by their path: stored, given back, listed and deleted as MLflow's clients expect."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest

from tests.contract.mlflow_rest.artifact_client import ROOT, ArtifactClient
from tests.support.server import ServerProcess


@pytest.fixture
def files(each_server: ServerProcess) -> Iterator[ArtifactClient]:
    with ArtifactClient(each_server) as client:
        yield client


@pytest.mark.parametrize("size_bytes", [1, 65_536, 3_000_001])
def test_what_was_put_comes_back(files: ArtifactClient, size_bytes: int) -> None:
    data = bytes(range(256)) * (size_bytes // 256 + 1)

    assert files.put("back/some.bin", data[:size_bytes]).json == {}
    answer = files.get("back/some.bin")

    assert answer.status == 200
    assert answer.data == data[:size_bytes]
    assert answer.headers["content-length"] == str(size_bytes)


def test_an_empty_file_comes_in_chunks_or_with_its_length(files: ArtifactClient) -> None:
    assert files.put("empty/chunked", iter(())).status == 200
    assert files.put("empty/sized", b"").status == 200

    for path in ("empty/chunked", "empty/sized"):
        assert (files.get(path).status, files.get(path).data) == (200, b"")
    assert files.listed("empty") == {
        "files": [{"path": "chunked", "is_dir": False}, {"path": "sized", "is_dir": False}]
    }


def test_a_body_in_chunks_is_whole(files: ArtifactClient) -> None:
    pieces = [bytes([number]) * (number * 1000) for number in range(1, 100)]

    assert files.put("chunked.bin", iter(pieces)).status == 200

    assert files.get("chunked.bin").data == b"".join(pieces)


def test_a_later_file_replaces_an_earlier_one(files: ArtifactClient) -> None:
    files.put("twice.txt", b"first")
    first = files.get("twice.txt").headers["etag"]

    files.put("twice.txt", b"second")

    assert files.get("twice.txt").data == b"second"
    assert files.get("twice.txt").headers["etag"] != first


def test_the_answer_of_a_file_says_what_it_is_and_that_no_page_may_show_it(
    files: ArtifactClient,
) -> None:
    files.put("page.html", b"<script>")

    headers = files.get("page.html").headers

    assert headers["content-type"] == "text/html"
    assert headers["content-disposition"] == "attachment; filename=page.html"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["accept-ranges"] == "bytes"
    assert headers["etag"].strip('"')
    assert parsedate_to_datetime(headers["last-modified"]).year > 2000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", "text/plain"),
        ("MLmodel", "text/plain"),
        ("MLproject", "text/plain"),
        ("mlproject", "text/plain"),
        ("conda.yaml", "text/plain"),
        ("a.json", "text/plain"),
        ("a.tar.log", "text/plain"),
        ("a.pkl", "application/octet-stream"),
        ("noending", "application/octet-stream"),
        ("a.png", "image/png"),
        ("a.csv", "text/plain"),
    ],
)
def test_types_follow_from_names(files: ArtifactClient, name: str, expected: str) -> None:
    files.put(f"types/{name}")

    assert files.get(f"types/{name}").headers["content-type"] == expected


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("plain-1.txt", "attachment; filename=plain-1.txt"),
        ("two words.txt", 'attachment; filename="two words.txt"'),
        ('quo"te.txt', 'attachment; filename="quo\\"te.txt"'),
        ("a;b.txt", 'attachment; filename="a;b.txt"'),
        ("épée.txt", "attachment; filename=pe.txt; filename*=UTF-8''%C3%A9p%C3%A9e.txt"),
        ("漢字", "attachment; filename=download; filename*=UTF-8''%E6%BC%A2%E5%AD%97"),
    ],
)
def test_downloads_have_the_files_name(files: ArtifactClient, name: str, disposition: str) -> None:
    assert files.put(f"names/{name}").status == 200

    assert files.get(f"names/{name}").headers["content-disposition"] == disposition


def test_a_folder_lists_names_in_order_and_sizes_of_files_that_have_one(
    files: ArtifactClient,
) -> None:
    for path in ("b.txt", "a/deep/x", "a.txt", "Z", "a-b/c"):
        files.put(f"listed/{path}")

    assert files.listed("listed") == {
        "files": [
            {"path": "Z", "is_dir": False, "file_size": 4},
            {"path": "a", "is_dir": True},
            {"path": "a-b", "is_dir": True},
            {"path": "a.txt", "is_dir": False, "file_size": 4},
            {"path": "b.txt", "is_dir": False, "file_size": 4},
        ]
    }
    assert files.listed("listed/a") == {"files": [{"path": "deep", "is_dir": True}]}
    assert files.listed("listed/") == files.listed("listed")


def test_a_missing_folder_and_a_file_list_as_nothing(files: ArtifactClient) -> None:
    files.put("one/one")

    assert files.listed("missing") == {}
    assert files.listed("one/one") == {}
    assert files.listed("one/one/below") == {}
    assert files.listed("one") == {"files": [{"path": "one", "is_dir": False, "file_size": 4}]}


def test_the_top_lists_folders_but_nothing_of_the_stores_own(files: ArtifactClient) -> None:
    files.put("top.txt")

    for listed in (files.listed(), files.listed("")):
        names = [file["path"] for file in listed["files"]]
        assert "top.txt" in names
        assert ".uploads" not in names


def test_more_files_than_a_page_of_the_store_are_listed_at_once(
    sqlite_server: ServerProcess,
) -> None:
    folder = sqlite_server.data_dir / "artifacts" / "many"
    folder.mkdir()
    for number in range(10_005):
        (folder / f"{number:05}").touch()

    with ArtifactClient(sqlite_server) as files:
        listed = files.listed("many")["files"]

    assert [file["path"] for file in listed] == [f"{number:05}" for number in range(10_005)]


def test_missing_files_and_folders_are_refused_in_mlflows_words(files: ArtifactClient) -> None:
    files.put("folder/file")

    assert files.get("folder/none").error == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "No such artifact: 'folder/none'",
    )
    status, code, message = files.get("folder").error
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "Artifact path refers to a directory, not a file: 'folder'" in message


def test_deleting_is_repeatable_and_takes_folders_whole(files: ArtifactClient) -> None:
    for path in ("gone/a", "gone/b/c", "kept"):
        files.put(path)

    for path in ("gone/a", "gone", "gone", "never/there"):
        answer = files.delete(path)
        assert (answer.status, answer.json) == (200, {})

    assert files.get("gone/b/c").status == 404
    assert files.get("kept").status == 200


def test_a_path_cannot_be_file_and_folder(files: ArtifactClient) -> None:
    files.put("either/file")

    for path in ("either", "either/file/below"):
        assert files.put(path, b"other").error[:2] == (400, "INVALID_PARAMETER_VALUE")

    assert files.get("either/file").data == b"data"
    files.wait_until_nothing_is_staged()


def test_a_head_has_the_headers_alone(files: ArtifactClient) -> None:
    files.put("head.txt", b"12345")
    whole = files.get("head.txt").headers

    answer = files.send("HEAD", f"{ROOT}/head.txt")

    assert (answer.status, answer.data) == (200, b"")
    for name in ("content-length", "etag", "last-modified", "content-type"):
        assert answer.headers[name] == whole[name]
    assert files.send("HEAD", f"{ROOT}/none.txt").status == 404


def test_who_has_the_file_is_told_so(files: ArtifactClient) -> None:
    files.put("cached.txt")
    etag = files.get("cached.txt").headers["etag"]

    assert files.get("cached.txt", If_None_Match=etag).status == 304
    assert files.get("cached.txt", If_None_Match=f'"other", W/{etag}').status == 304
    assert files.get("cached.txt", If_None_Match='"other"').status == 200
    never = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"
    assert files.get("cached.txt", If_Modified_Since=never).status == 200


def test_the_paths_for_web_pages_are_the_same(files: ArtifactClient) -> None:
    path = "/ajax-api/2.0/mlflow-artifacts/artifacts"

    assert files.send("PUT", f"{path}/web/a", b"data").status == 200

    assert files.send("GET", f"{path}/web/a").data == b"data"
    assert files.ask(path, path="web").json == files.listed("web")
    assert files.send("DELETE", f"{path}/web/a").status == 200


@pytest.mark.parametrize("step", ["create", "complete", "abort"])
@pytest.mark.parametrize("path", ["", "/0/folder"])
def test_multipart_uploads_are_refused_so_that_clients_send_the_whole(
    files: ArtifactClient, step: str, path: str
) -> None:
    answer = files.post(f"/api/2.0/mlflow-artifacts/mpu/{step}{path}", {"path": "a"})

    status, code, message = answer.error
    assert (status, code) == (501, "NOT_IMPLEMENTED")
    assert message.startswith("Multipart upload is not supported")


def test_presigned_downloads_are_refused(files: ArtifactClient) -> None:
    answer = files.send("GET", "/api/2.0/mlflow-artifacts/presigned/0/a")

    assert answer.error[:2] == (501, "NOT_IMPLEMENTED")
