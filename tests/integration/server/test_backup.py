"""The backups that docs/operating.md describes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from tests.support.postgres import PostgresServer, client_program
from tests.support.s3 import S3Server
from tests.support.server import StartServer

from runstream import Client, MetricPoint
from runstream.v1 import experiment_service_pb2 as pb, experiment_service_pb2_grpc as pb_grpc

PAGE = Path(__file__).resolve().parents[3] / "docs" / "operating.md"


def test_a_backup_of_a_running_server_is_a_database_that_serves(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server("runstream-data")
    with server.channel() as channel:
        stub = pb_grpc.ExperimentServiceStub(channel)
        created = stub.CreateExperiment(pb.CreateExperimentRequest(name="kept"), timeout=5)
    (program,) = re.findall(r'^python -c "(.*)"$', PAGE.read_text(), re.MULTILINE)
    (tmp_path / "backup").mkdir()

    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)

    with start_server("backup").channel() as channel:
        request = pb.GetExperimentRequest(experiment_id=created.experiment.experiment_id)
        found = pb_grpc.ExperimentServiceStub(channel).GetExperiment(request, timeout=5)
    assert found.experiment.name == "kept"


def test_a_dump_beside_a_running_server_is_restored_to_the_same_bytes(
    start_server: StartServer, postgres: PostgresServer, s3_server: S3Server, tmp_path: Path
) -> None:
    data = os.urandom(9 << 20)
    flags = {"artifacts_destination": s3_server.destination().uri, "seal_size": "64KiB"}
    dump = tmp_path / "dump"
    with postgres.database() as uri, postgres.database() as empty:
        server = start_server(
            "before", env=s3_server.variables(), backend_store_uri=uri, **flags
        )  # fmt: skip
        with Client(f"grpc://{server.grpc_address}") as client:
            run_id = client.create_run(name="kept").run_id
            log(client, run_id, range(3000))
            client.upload_artifact(run_id, "model/weights.bin", data)
            before = columns(client, run_id)
            run_program("pg_dump", "--format=custom", f"--file={dump}", uri)
            log(client, run_id, range(3000, 3100))  # what comes after the backup is not in it
        server.terminate()

        run_program("pg_restore", "--no-owner", f"--dbname={empty}", str(dump))
        restored = start_server(
            "after", env=s3_server.variables(), backend_store_uri=empty, **flags
        )  # fmt: skip
        with Client(f"grpc://{restored.grpc_address}") as client:
            assert columns(client, run_id) == before
            assert client.get_run(run_id).name == "kept"
            loaded = client.download_artifact(run_id, "model/weights.bin", tmp_path / "loaded")
            assert loaded.read_bytes() == data
            log(client, run_id, range(3000, 3001))
            assert len(client.history(run_id, ["loss"])["loss"].step) == 3001
        restored.terminate()


def log(client: Client, run_id: str, steps: range) -> None:
    points = [
        MetricPoint(key=key, step=step, value=value / (step + 1), rank=rank)
        for step in steps
        for key, value, rank in (("loss", 1.0, None), ("norm", 3.0, 0), ("norm", 5.0, 7))
    ]
    for first in range(0, len(points), 1000):
        client.log_metrics(run_id, points[first : first + 1000])


def columns(client: Client, run_id: str) -> dict[str, tuple[bytes, bytes, bytes]]:
    """Returns the history of a run, as the bytes of its columns."""
    return {
        str(series): (
            np.asarray(points.step).tobytes(),
            np.asarray(points.time_us).tobytes(),
            np.asarray(points.value).tobytes(),
        )
        for series, points in client.history(run_id).series.items()
    }


def run_program(name: str, *arguments: str) -> None:
    subprocess.run([client_program(name), *arguments], check=True, capture_output=True)
