"""The artifacts of runs over MLflow's API, and the same ones over gRPC."""

import hashlib
from collections.abc import Iterator

import pytest

import runstream
from tests.contract.mlflow_rest.artifact_client import API, ROOT, UI_API, ArtifactClient
from tests.support.server import ServerProcess


@pytest.fixture
def files(each_server: ServerProcess) -> Iterator[ArtifactClient]:
    with ArtifactClient(each_server) as client:
        yield client


@pytest.fixture
def grpc_client(each_server: ServerProcess) -> Iterator[runstream.Client]:
    with runstream.Client(f"grpc://{each_server.grpc_address}") as client:
        yield client


def upload(files: ArtifactClient, run_id: str, path: str, data: bytes) -> int:
    target = f"{UI_API}/upload-artifact?run_uuid={run_id}&path={path}"
    return files.send("POST", target, data).status


def test_runs_are_told_to_keep_their_artifacts_behind_the_server(files: ArtifactClient) -> None:
    info = files.new_run()

    assert info["artifact_uri"] == f"mlflow-artifacts:/0/{info['run_id']}/artifacts"


def test_a_run_lists_its_artifacts_by_their_path_in_the_run(files: ArtifactClient) -> None:
    info = files.new_run()
    run_id, root = info["run_id"], f"0/{info['run_id']}/artifacts"
    for path in ("b.txt", "folder/a.txt", "folder/empty"):
        files.put(f"{root}/{path}", b"" if path.endswith("empty") else b"data")

    top = files.ask(f"{API}/artifacts/list", run_id=run_id)
    folder = files.ask(f"{UI_API}/artifacts/list", run_uuid=run_id, path="folder")

    assert top.json == {
        "root_uri": info["artifact_uri"],
        "files": [
            {"path": "b.txt", "is_dir": False, "file_size": 4},
            {"path": "folder", "is_dir": True},
        ],
    }
    assert folder.json["files"] == [
        {"path": "folder/a.txt", "is_dir": False, "file_size": 4},
        {"path": "folder/empty", "is_dir": False},
    ]
    for nothing in ("none", "b.txt"):
        answer = files.ask(f"{API}/artifacts/list", run_id=run_id, path=nothing)
        assert answer.json == {"root_uri": info["artifact_uri"]}


def test_a_file_of_a_run_is_downloaded_by_either_name_of_the_id(files: ArtifactClient) -> None:
    info = files.new_run()
    files.put(f"0/{info['run_id']}/artifacts/a/page.html", b"<b>")

    for name in ("run_id", "run_uuid"):
        answer = files.ask("/get-artifact", **{name: info["run_id"]}, path="a/page.html")
        assert (answer.status, answer.data) == (200, b"<b>")
        assert answer.headers["content-disposition"] == "attachment; filename=page.html"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_pages_upload_small_files(files: ArtifactClient) -> None:
    run_id = files.new_run()["run_id"]

    assert upload(files, run_id, "notes/a.txt", b"hello") == 200

    assert files.ask("/get-artifact", run_id=run_id, path="notes/a.txt").data == b"hello"


def test_what_pages_upload_must_be_complete_and_small(files: ArtifactClient) -> None:
    run_id = files.new_run()["run_id"]
    target = f"{UI_API}/upload-artifact"

    def refusal(query: str, data: bytes) -> str:
        status, code, message = files.send("POST", f"{target}?{query}", data).error
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        return message

    whole = f"run_uuid={run_id}&path=a"
    assert "Request must specify run_uuid." in refusal("path=a", b"x")
    assert "Request must specify path." in refusal(f"run_uuid={run_id}", b"x")
    assert "Request must specify data." in refusal(whole, b"")
    assert "too large" in refusal(whole, b"x" * (10 * 1024 * 1024 + 1))
    assert upload(files, run_id, "a", b"x" * (10 * 1024 * 1024)) == 200


@pytest.mark.parametrize("run_id", ["0" * 32, "unknown"])
def test_a_run_that_is_not_there_is_named(files: ArtifactClient, run_id: str) -> None:
    answers = [
        files.ask(f"{API}/artifacts/list", run_id=run_id),
        files.ask("/get-artifact", run_id=run_id, path="a"),
        files.send("POST", f"{UI_API}/upload-artifact?run_uuid={run_id}&path=a", b"x"),
    ]

    for answer in answers:
        status, code, message = answer.error
        assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert f"Run with id={run_id} not found" in message


def test_a_run_id_is_needed(files: ArtifactClient) -> None:
    for path in (f"{API}/artifacts/list", "/get-artifact"):
        status, code, message = files.ask(path, path="a").error
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert "Missing value for required parameter 'run_id'" in message


def test_a_deleted_run_still_takes_files_as_mlflow_does(files: ArtifactClient) -> None:
    run_id = files.new_run()["run_id"]
    files.post(f"{API}/runs/delete", {"run_id": run_id})

    assert files.put(f"0/{run_id}/artifacts/late.txt").status == 200

    assert files.ask("/get-artifact", run_id=run_id, path="late.txt").data == b"data"


def test_presigned_addresses_are_refused_for_files_behind_the_server(
    files: ArtifactClient,
) -> None:
    run_id = files.new_run()["run_id"]

    for what in ("upload", "download"):
        answer = files.post(
            f"{API}/artifacts/presigned-{what}-url", {"run_id": run_id, "path": "a"}
        )
        status, code, message = answer.error
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert "is not supported for" in message
        assert "proxied artifact storage" in message
    both = {"run_id": run_id, "model_id": "m-" + "0" * 32, "path": "a"}
    for owners in (both, {"path": "a"}):
        answer = files.post(f"{API}/artifacts/presigned-upload-url", owners)
        assert "Exactly one of run_id and model_id must be provided." in answer.error[2]


def test_what_one_door_stores_the_other_gives_back_with_its_digest(
    files: ArtifactClient, grpc_client: runstream.Client
) -> None:
    run_id = files.new_run()["run_id"]
    files.put(f"0/{run_id}/artifacts/over/http.bin", b"over http")

    (over_http,) = grpc_client.list_artifacts(run_id, "over")
    data = grpc_client.read_artifact(run_id, "over/http.bin")

    assert data == b"over http"
    assert over_http.size_bytes == len(data)
    assert over_http.sha256 == hashlib.sha256(data).hexdigest()


def test_an_experiments_own_place_below_the_destination_is_served_by_both_doors(
    files: ArtifactClient, grpc_client: runstream.Client
) -> None:
    created = files.post(
        f"{API}/experiments/create",
        {"name": "own place", "artifact_location": "mlflow-artifacts:/some/path"},
    )
    info = files.new_run(created.json["experiment_id"])
    run_id = info["run_id"]
    assert info["artifact_uri"] == f"mlflow-artifacts:/some/path/{run_id}/artifacts"

    assert files.put(f"some/path/{run_id}/artifacts/a.txt").status == 200

    assert files.ask("/get-artifact", run_id=run_id, path="a.txt").data == b"data"
    assert grpc_client.read_artifact(run_id, "a.txt") == b"data"
    (artifact,) = grpc_client.list_artifacts(run_id)
    assert artifact.sha256 == hashlib.sha256(b"data").hexdigest()


def test_deleting_by_path_forgets_the_digest(
    files: ArtifactClient, grpc_client: runstream.Client
) -> None:
    run_id = files.new_run()["run_id"]
    path = f"0/{run_id}/artifacts/a"
    files.put(path)

    assert files.send("DELETE", f"{ROOT}/{path}").status == 200

    assert list(grpc_client.list_artifacts(run_id)) == []


def test_artifacts_elsewhere_are_refused_with_their_place(files: ArtifactClient) -> None:
    created = files.post(
        f"{API}/experiments/create",
        {"name": "elsewhere", "artifact_location": "s3://bucket/prefix"},
    )
    info = files.new_run(created.json["experiment_id"])

    answer = files.ask(f"{API}/artifacts/list", run_id=info["run_id"])

    assert info["artifact_uri"].startswith("s3://bucket/prefix/")
    assert answer.error[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert info["artifact_uri"] in answer.error[2]
