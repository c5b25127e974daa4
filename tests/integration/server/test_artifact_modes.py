"""Who moves artifacts' bytes, by the flags of the server: MLflow's scenarios 3 to 6."""

import socket
from pathlib import Path

import grpc
import pytest
from tests.contract.mlflow_rest.artifact_client import API, ArtifactClient
from tests.support.server import StartServer

import runstream
from runstream.v1 import metric_service_pb2, metric_service_pb2_grpc

TRACKING = ("GET", f"{API}/experiments/get?experiment_id=0")
FILES = ("GET", "/api/2.0/mlflow-artifacts/artifacts?path=x")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def experiment_location(files: ArtifactClient, experiment_id: str) -> str:
    answer = files.ask(f"{API}/experiments/get", experiment_id=experiment_id)
    location: str = answer.json["experiment"]["artifact_location"]
    return location


def new_experiment(files: ArtifactClient, name: str) -> str:
    answer = files.post(f"{API}/experiments/create", {"name": name})
    experiment_id: str = answer.json["experiment_id"]
    return experiment_id


def test_without_flags_clients_go_through_the_server(start_server: StartServer) -> None:
    with ArtifactClient(start_server()) as files:
        assert experiment_location(files, "0") == "mlflow-artifacts:/0"
        assert experiment_location(files, new_experiment(files, "a")) == "mlflow-artifacts:/1"


def test_without_serving_clients_are_sent_to_the_servers_folder(start_server: StartServer) -> None:
    server = start_server(serve_artifacts=False)
    folder = server.data_dir / "artifacts"
    with ArtifactClient(server) as files:
        info = files.new_run()

        assert experiment_location(files, "0") == f"{folder.as_uri()}/0"
        assert info["artifact_uri"] == f"{folder.as_uri()}/0/{info['run_id']}/artifacts"
        place = folder / "0" / info["run_id"] / "artifacts"
        place.mkdir(parents=True)
        (place / "a.txt").write_bytes(b"data")
        listed = files.ask(f"{API}/artifacts/list", run_id=info["run_id"]).json
        downloaded = files.ask("/get-artifact", run_id=info["run_id"], path="a.txt")
        refused = files.send(*FILES)

    assert listed["root_uri"] == info["artifact_uri"]
    assert [file["path"] for file in listed["files"]] == ["a.txt"]
    assert downloaded.data == b"data"
    assert refused.status == 503
    assert "disabled due to the mlflow server running with `--no-serve-artifacts`" in (
        refused.data.decode()
    )


@pytest.mark.parametrize("root", ["s3://bucket/prefix", "s3://bucket/prefix/"])
def test_a_default_root_is_fixed_in_experiments_when_they_are_made(
    start_server: StartServer, root: str
) -> None:
    server = start_server(default_artifact_root=root)
    with ArtifactClient(server) as files:
        named = new_experiment(files, "made while it held")
        info = files.new_run(named)
        assert experiment_location(files, "0") == "s3://bucket/prefix/0"
        assert info["artifact_uri"] == f"s3://bucket/prefix/{named}/{info['run_id']}/artifacts"
    server.terminate()
    del server.flags["default_artifact_root"]
    server.start()

    with ArtifactClient(server) as files:
        later = new_experiment(files, "made later")
        locations = [experiment_location(files, each) for each in ("0", named, later)]

    assert locations == [
        "s3://bucket/prefix/0",
        f"s3://bucket/prefix/{named}",
        f"mlflow-artifacts:/{later}",
    ]


def test_an_experiment_that_a_run_makes_has_the_default_root_too(start_server: StartServer) -> None:
    server = start_server(default_artifact_root="s3://bucket")
    with runstream.Client(f"grpc://{server.grpc_address}") as client:
        run = client.create_run(experiment_name="by name")

    assert run.artifact_uri == f"s3://bucket/{run.experiment_id}/{run.run_id}/artifacts"


@pytest.mark.parametrize("as_uri", [True, False])
def test_a_folder_as_default_root_is_shared_by_clients_and_server(
    start_server: StartServer, tmp_path: Path, *, as_uri: bool
) -> None:
    folder = tmp_path / "shared root"
    root = folder.as_uri() if as_uri else str(folder)
    server = start_server(default_artifact_root=root)
    with (
        ArtifactClient(server) as files,
        runstream.Client(f"grpc://{server.grpc_address}") as client,
    ):
        info = files.new_run()
        run_id = info["run_id"]
        assert info["artifact_uri"] == f"{root}/0/{run_id}/artifacts"
        place = folder / "0" / run_id / "artifacts"
        place.mkdir(parents=True)
        (place / "direct.txt").write_bytes(b"direct")

        client.upload_artifact(run_id, "grpc.txt", b"over grpc")
        listed = files.ask(f"{API}/artifacts/list", run_id=run_id).json["files"]
        direct = files.ask("/get-artifact", run_id=run_id, path="direct.txt").data

    assert [file["path"] for file in listed] == ["direct.txt", "grpc.txt"]
    assert direct == b"direct"
    assert (place / "grpc.txt").read_bytes() == b"over grpc"


def test_a_root_on_another_server_is_shown_and_not_served(start_server: StartServer) -> None:
    server = start_server(default_artifact_root="mlflow-artifacts://files.example:5500/")
    with (
        ArtifactClient(server) as files,
        runstream.Client(f"grpc://{server.grpc_address}") as client,
    ):
        info = files.new_run()

        assert info["artifact_uri"] == (
            f"mlflow-artifacts://files.example:5500/0/{info['run_id']}/artifacts"
        )
        with pytest.raises(runstream.FailedPrecondition, match=r"files\.example"):
            client.upload_artifact(info["run_id"], "a", b"data")


@pytest.mark.parametrize(
    "root",
    [
        "http://localhost:{port}/api/2.0/mlflow-artifacts/artifacts",
        "mlflow-artifacts://127.0.0.1:{port}/",
    ],
)
def test_a_root_that_names_the_server_itself_is_served(
    start_server: StartServer, root: str
) -> None:
    port = free_port()
    server = start_server(port=port, default_artifact_root=root.format(port=port))
    with ArtifactClient(server) as files:
        info = files.new_run()
        run_id = info["run_id"]
        assert info["artifact_uri"].startswith(root.format(port=port).rstrip("/"))

        assert files.put(f"0/{run_id}/artifacts/a.txt").status == 200

        listed = files.ask(f"{API}/artifacts/list", run_id=run_id).json
        assert listed["root_uri"] == info["artifact_uri"]
        assert [file["path"] for file in listed["files"]] == ["a.txt"]
        assert files.ask("/get-artifact", run_id=run_id, path="a.txt").data == b"data"


def test_a_server_for_artifacts_only_serves_nothing_else(start_server: StartServer) -> None:
    server = start_server(artifacts_only=True)
    with ArtifactClient(server) as files:
        assert files.put("0/run/artifacts/a").status == 200
        assert files.get("0/run/artifacts/a").data == b"data"
        refused = [
            files.send(*TRACKING),
            files.post(f"{API}/runs/create", {"experiment_id": "0"}),
            files.ask("/get-artifact", run_id="0" * 32, path="a"),
        ]
        assert files.ask("/health").status == 200

    for answer in refused:
        assert answer.status == 503
        assert answer.data.startswith(b"Endpoint: /")
        assert "disabled due to the mlflow server running in `--artifacts-only` mode" in (
            answer.data.decode()
        )


def test_a_server_for_artifacts_only_refuses_every_kind_of_rpc(start_server: StartServer) -> None:
    server = start_server(artifacts_only=True)
    with runstream.Client(f"grpc://{server.grpc_address}") as client:
        for call in (
            lambda: client.get_run("0" * 32),
            lambda: client.upload_artifact("0" * 32, "a", b"data"),
            lambda: client.read_artifact("0" * 32, "a"),
            lambda: list(client.list_artifacts("0" * 32)),
        ):
            with pytest.raises(runstream.FailedPrecondition, match="--artifacts-only"):
                call()
        assert client.server_info().version
    with server.channel() as channel:
        stream = metric_service_pb2_grpc.MetricServiceStub(channel).StreamMetrics(
            iter([metric_service_pb2.StreamMetricsRequest()])
        )
        with pytest.raises(grpc.RpcError) as raised:
            next(stream)
    assert raised.value.code() is grpc.StatusCode.FAILED_PRECONDITION
