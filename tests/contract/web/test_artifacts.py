"""Artifacts as browsers get them: shown without rights, or kept; folders as archives.

Of the database it takes whose a file is, which other tests ask every kind of database.
"""

import http.client
import io
import zipfile
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.contract.connect.calling import Api
from tests.support.server import ServerProcess, StartServer

POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; "
    "media-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


@pytest.fixture
def api(shared_server: ServerProcess) -> Iterator[Api]:
    with Api(shared_server) as api:
        yield api


def put(api: Api, run_id: str, path: str, data: bytes = b"data") -> None:
    """Puts a file where the server keeps those of the run."""
    folder = api.server.data_dir / "artifacts" / "0" / run_id / "artifacts"
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def get(api: Api, run_id: str, path: str, query: str = "", **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.http.get(f"/artifacts/{run_id}/{quote(path)}{query}", headers=given)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("plot.png", "image/png"),
        ("plot.SVG", "image/svg+xml"),
        ("report.html", "text/html; charset=utf-8"),
        ("table.csv", "text/csv; charset=utf-8"),
        ("facts.json", "application/json"),
        ("paper.pdf", "application/pdf"),
        ("clip.mp4", "video/mp4"),
        ("voice.wav", "audio/wav"),
        ("train.log", "text/plain; charset=utf-8"),
        ("code.js", "text/plain; charset=utf-8"),
        ("MLmodel", "text/plain; charset=utf-8"),
    ],
)
def test_what_can_be_shown_is_shown_in_a_sandbox(api: Api, name: str, media_type: str) -> None:
    run_id = api.new_run()
    put(api, run_id, name, b"<script>alert(1)</script>")

    answer = get(api, run_id, name)

    assert answer.status_code == 200
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f"inline; filename={name}"
    assert_harmless(answer)


def assert_harmless(answer: httpx.Response) -> None:
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize("name", ["model.pt", "data.parquet", "page.xhtml", "noending", ".html"])
def test_what_is_not_known_to_be_harmless_is_kept(api: Api, name: str) -> None:
    run_id = api.new_run()
    put(api, run_id, name)

    answer = get(api, run_id, name)

    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f"attachment; filename={name}"
    assert_harmless(answer)


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ('a"b.txt', 'attachment; filename="a\\"b.txt"'),
        ("<script>alert(1)<x>.svg", 'attachment; filename="<script>alert(1)<x>.svg"'),
        ("a; filename=b.html", 'attachment; filename="a; filename=b.html"'),
        (
            "Größe 東.png",
            "attachment; filename=\"Gre .png\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%E6%9D%B1.png",
        ),
        ("100%41#?&.txt", 'attachment; filename="100%41#?&.txt"'),
        ("'.txt", "attachment; filename='.txt"),
        (" .txt", 'attachment; filename=" .txt"'),
    ],
)
def test_hostile_names_stay_names(api: Api, name: str, disposition: str) -> None:
    run_id = api.new_run()
    put(api, run_id, f"folder/{name}", name.encode())

    answer = get(api, run_id, f"folder/{name}", "?download")

    assert answer.content == name.encode()
    assert answer.headers["content-disposition"] == disposition
    assert_harmless(answer)
    shown = get(api, run_id, f"folder/{name}").headers["content-disposition"]
    assert shown == disposition.replace("attachment", "inline", 1)


def test_a_part_of_a_file_can_be_had(api: Api) -> None:
    run_id = api.new_run()
    put(api, run_id, "clip.mp4", bytes(range(100)))

    part = get(api, run_id, "clip.mp4", Range="bytes=10-19")
    assert part.status_code == 206
    assert part.content == bytes(range(10, 20))
    assert part.headers["content-range"] == "bytes 10-19/100"
    assert_harmless(part)
    beyond = get(api, run_id, "clip.mp4", Range="bytes=100-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */100")
    again = get(api, run_id, "clip.mp4", If_None_Match=part.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_head_tells_the_size(api: Api) -> None:
    run_id = api.new_run()
    put(api, run_id, "a.txt", bytes(1000))

    answer = api.http.head(f"/artifacts/{run_id}/a.txt")

    assert (answer.headers["content-length"], answer.content) == ("1000", b"")
    assert_harmless(answer)


@pytest.mark.parametrize(
    "path",
    [
        "../artifacts/secret.txt",
        "%2e%2e/secret.txt",
        "..%2f..%2f..%2frunstream.db",
        "a/../../secret.txt",
        "a/%2e%2e/b.txt",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "a//b.txt",
        "./a.txt",
        "a%00.txt",
        "a%0d%0aSet-Cookie:x.txt",
        "%ff.txt",
        "",
    ],
)
@pytest.mark.parametrize("query", ["", "?zip", "?download"])
def test_no_path_leads_out_of_the_run(api: Api, path: str, query: str) -> None:
    run_id = api.new_run()
    secret = api.server.data_dir / "artifacts" / "0" / run_id / "secret.txt"
    secret.parent.mkdir(parents=True, exist_ok=True)
    secret.write_text("the secret")

    host, port = api.server.http_address.split(":")
    connection = http.client.HTTPConnection(host, int(port))
    connection.request("GET", f"/artifacts/{run_id}/{path}{query}")
    answer = connection.getresponse()
    content = answer.read()
    connection.close()

    assert answer.status in {400, 404}
    assert b"the secret" not in content
    assert answer.headers["set-cookie"] is None


def test_what_is_not_there_is_said(api: Api) -> None:
    run_id = api.new_run()
    put(api, run_id, "folder/a.txt")

    for owner, path, query, status, code in (
        (run_id, "none.txt", "", 404, "ARTIFACT_NOT_FOUND"),
        (run_id, "folder", "", 400, "IS_A_DIRECTORY"),
        (run_id, "none", "?zip", 404, "ARTIFACT_NOT_FOUND"),
        (run_id, "folder/a.txt", "?zip", 404, "ARTIFACT_NOT_FOUND"),
        ("f" * 32, "a.txt", "", 404, "RUN_NOT_FOUND"),
        ("<script>", "a.txt", "", 400, "INVALID_VALUE"),
    ):
        answer = get(api, owner, path, query)
        assert (answer.status_code, answer.json()["error_code"]) == (status, code)
        assert answer.headers["content-type"] == "application/json"
        assert_harmless(answer)


def test_a_folder_comes_as_an_archive(api: Api) -> None:
    run_id = api.new_run()
    files = {f"deep/{n % 7}/file {n}.txt": f"{n}".encode() * (n % 50) for n in range(2000)}
    files |= {"größe 東.bin": bytes(range(256)) * 8192, 'a"b<d>.txt': b"x", "empty": b""}
    for path, data in files.items():
        put(api, run_id, f"data/{path}", data)
    put(api, run_id, "other.txt")

    answer = get(api, run_id, "data", "?zip")

    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == "attachment; filename=data.zip"
    assert_harmless(answer)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
        assert archive.getinfo("empty").date_time[0] >= 2020


@pytest.mark.parametrize("address", ["", "/"])
def test_all_artifacts_of_a_run_come_as_an_archive(api: Api, address: str) -> None:
    run_id = api.new_run()
    put(api, run_id, "a/b.txt", b"1")
    put(api, run_id, "c.txt", b"2")

    answer = api.http.get(f"/artifacts/{run_id}{address}?zip")

    assert answer.headers["content-disposition"] == f"attachment; filename={run_id}.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == ["a/b.txt", "c.txt"]


def test_an_archive_that_cannot_be_finished_does_not_look_whole(
    start_server: StartServer,
) -> None:
    server = start_server()
    server.tolerated_events = {"ASGI callable returned without completing response."}
    with Api(server) as api:
        run_id = api.new_run()
        for number in range(20):
            put(api, run_id, f"data/{number:02}.bin", bytes(4 * 1024 * 1024))
        with api.http.stream("GET", f"/artifacts/{run_id}/data?zip") as answer:
            assert answer.status_code == 200
            pieces = answer.iter_raw()
            next(pieces)
            folder = server.data_dir / "artifacts" / "0" / run_id / "artifacts" / "data"
            (folder / "19.bin").unlink()
            with pytest.raises(httpx.RemoteProtocolError):
                list(pieces)
    cut_off = server.wait_for_event("archive_cut_off", path=f"/artifacts/{run_id}/data")
    assert "19.bin" in cut_off["error"]


def test_artifacts_of_logged_models_are_there_too(api: Api) -> None:
    model = api.call("LoggedModelService/CreateLoggedModel", experimentId="0", name="m")["model"]
    folder = api.server.data_dir / "artifacts" / "0" / "models" / model["modelId"] / "artifacts"
    folder.mkdir(parents=True)
    (folder / "weights.txt").write_text("1 2 3")

    assert get(api, model["modelId"], "weights.txt").text == "1 2 3"


def test_a_server_for_artifacts_only_has_no_pages(start_server: StartServer) -> None:
    server = start_server(artifacts_only=True)

    for path in ("/", f"/artifacts/{'a' * 32}/x"):
        assert server.get(path).status_code == 404
