"""The artifacts of logged models, over both doors."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

import runstream
from runstream.v1 import artifact_service_pb2 as pb, artifact_service_pb2_grpc
from tests.contract.mlflow_rest.artifact_client import API, UI_API, ArtifactClient
from tests.support.server import ServerProcess

DATA = b"weights" * 1000
NOBODY = "m-" + "0" * 32


@pytest.fixture
def files(each_server: ServerProcess) -> Iterator[ArtifactClient]:
    with ArtifactClient(each_server) as client:
        yield client


@pytest.fixture
def grpc_client(each_server: ServerProcess) -> Iterator[runstream.Client]:
    with runstream.Client(f"grpc://{each_server.grpc_address}") as client:
        yield client


def new_model(files: ArtifactClient) -> str:
    answer = files.post(f"{API}/logged-models", {"experiment_id": "0", "name": "net"})
    model_id: str = answer.json["model"]["info"]["model_id"]
    return model_id


def test_a_models_files_are_uploaded_listed_read_and_deleted_over_grpc(
    files: ArtifactClient, grpc_client: runstream.Client, tmp_path: Path
) -> None:
    model_id = new_model(files)

    artifact = grpc_client.upload_artifact(path="data/w.bin", source=DATA, model_id=model_id)

    stored = files.get(f"0/models/{model_id}/artifacts/data/w.bin")
    assert stored.data == DATA
    assert artifact.sha256 == hashlib.sha256(DATA).hexdigest()
    assert [found.path for found in grpc_client.list_artifacts(model_id=model_id)] == ["data"]
    assert grpc_client.read_artifact(path="data/w.bin", model_id=model_id) == DATA
    (path,) = grpc_client.download_artifacts(model_id=model_id, destination=tmp_path)
    assert path.read_bytes() == DATA
    assert grpc_client.delete_artifact(path="data", model_id=model_id)
    assert list(grpc_client.list_artifacts(model_id=model_id)) == []


def test_an_upload_says_whose_it_is(files: ArtifactClient, grpc_client: runstream.Client) -> None:
    model_id, upload_id = new_model(files), "7" * 32

    grpc_client.upload_artifact(path="a", source=DATA, model_id=model_id, upload_id=None)
    with files.server.channel() as channel:
        stub = artifact_service_pb2_grpc.ArtifactServiceStub(channel)
        spec = pb.UploadSpec(upload_id=upload_id, model_id=model_id, path="b")
        begun = stub.UploadArtifact(iter([pb.UploadArtifactRequest(spec=spec)]))

    upload = grpc_client.get_upload(upload_id)
    assert (begun.upload.model_id, begun.upload.run_id) == (model_id, "")
    assert (upload.model_id, upload.run_id) == (model_id, "")
    with pytest.raises(runstream.AlreadyExists, match=model_id):
        grpc_client.upload_artifact(
            path="other", source=b"x", model_id=model_id, upload_id=upload_id
        )


async def test_the_asynchronous_client_does_the_same(files: ArtifactClient, tmp_path: Path) -> None:
    model_id = await asyncio.to_thread(new_model, files)
    async with runstream.AsyncClient(f"grpc://{files.server.grpc_address}") as client:
        await client.upload_artifact(path="a/b", source=DATA, model_id=model_id)

        listed = [found.path async for found in client.list_artifacts(path="a", model_id=model_id)]
        read = await client.read_artifact(path="a/b", model_id=model_id)
        (path,) = await client.download_artifacts(model_id=model_id, destination=tmp_path)

    assert listed == ["a/b"]
    assert read == path.read_bytes() == DATA


def test_a_model_that_is_not_there_is_named(grpc_client: runstream.Client) -> None:
    for call in (
        lambda: grpc_client.upload_artifact(path="a", source=DATA, model_id=NOBODY),
        lambda: grpc_client.read_artifact(path="a", model_id=NOBODY),
        lambda: list(grpc_client.list_artifacts(model_id=NOBODY)),
        lambda: grpc_client.delete_artifact(path="a", model_id=NOBODY),
    ):
        with pytest.raises(runstream.NotFound, match=NOBODY):
            call()


@pytest.mark.parametrize(
    ("run", "model"),
    [
        ("0" * 32, NOBODY),
        ("", ""),
        ("", "0" * 32),
        (NOBODY, ""),
        ("", "m-" + "A" * 32),
        ("", "../x"),
    ],
)
def test_exactly_one_owner_is_named(each_server: ServerProcess, run: str, model: str) -> None:
    spec = pb.UploadSpec(path="a", run_id=run, model_id=model)
    download = pb.DownloadArtifactRequest(path="a", run_id=run, model_id=model)
    deletion = pb.DeleteArtifactRequest(path="a", run_id=run, model_id=model)
    with each_server.channel() as channel:
        stub = artifact_service_pb2_grpc.ArtifactServiceStub(channel)
        calls = (
            lambda: stub.UploadArtifact(iter([pb.UploadArtifactRequest(spec=spec)])),
            lambda: list(stub.DownloadArtifact(download)),
            lambda: stub.ListArtifacts(pb.ListArtifactsRequest(run_id=run, model_id=model)),
            lambda: stub.DeleteArtifact(deletion),
        )
        for call in calls:
            with pytest.raises(grpc.RpcError) as raised:
                call()
            assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_mlflows_web_pages_list_and_download_them(files: ArtifactClient) -> None:
    model_id = new_model(files)
    root = f"0/models/{model_id}/artifacts"
    files.put(f"{root}/MLmodel", b"flavors: {}")
    files.put(f"{root}/data/w.bin", DATA)
    folders = f"{API}/logged-models/{model_id}/artifacts/directories"
    contents = f"{UI_API}/logged-models/{model_id}/artifacts/files"

    top = files.ask(folders).json
    below = files.ask(folders, artifact_directory_path="data").json
    answer = files.ask(contents, artifact_file_path="data/w.bin")

    assert top == {
        "root_uri": f"mlflow-artifacts:/{root}",
        "files": [
            {"path": "MLmodel", "is_dir": False, "file_size": 11},
            {"path": "data", "is_dir": True},
        ],
    }
    assert below["files"] == [{"path": "data/w.bin", "is_dir": False, "file_size": len(DATA)}]
    assert (answer.status, answer.data) == (200, DATA)
    assert answer.headers["content-disposition"] == "attachment; filename=w.bin"
    assert files.ask(contents).error[:2] == (400, "BAD_REQUEST")
    assert files.ask(contents, artifact_file_path="../w").error[2] == "Invalid path"


@pytest.mark.parametrize("model_id", [NOBODY, "unknown", "0" * 32])
def test_mlflows_pages_hear_of_a_model_that_is_not_there(
    files: ArtifactClient, model_id: str
) -> None:
    folders = f"{API}/logged-models/{model_id}/artifacts/directories"

    status, code, message = files.ask(folders).error

    assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert model_id in message
    assert "Run" not in message


def test_a_deleted_models_files_stay_and_take_more(
    files: ArtifactClient, grpc_client: runstream.Client
) -> None:
    model_id = new_model(files)
    grpc_client.upload_artifact(path="a", source=DATA, model_id=model_id)

    assert files.send("DELETE", f"{API}/logged-models/{model_id}").status == 200

    assert grpc_client.read_artifact(path="a", model_id=model_id) == DATA
    grpc_client.upload_artifact(path="b", source=DATA, model_id=model_id)


def test_ids_of_runs_and_models_are_not_mixed_up(files: ArtifactClient) -> None:
    model_id, run_id = new_model(files), files.new_run()["run_id"]

    as_model = files.ask(f"{API}/logged-models/{run_id}/artifacts/directories")
    as_run = files.ask(f"{API}/artifacts/list", run_id=model_id)

    assert as_model.error[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert as_run.error[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
