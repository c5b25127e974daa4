"""The backup that docs/operating.md describes."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.server import StartServer

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
