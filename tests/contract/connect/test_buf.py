"""The protocol's own tool, as people use it.

The protocol is the same whatever is called, so one kind of database is enough.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.connect.calling import Api, Json, reason
from tests.support.server import ServerProcess

REPOSITORY = Path(__file__).parents[3]
TIMEOUT_S = 60


@pytest.fixture
def api(shared_server: ServerProcess) -> Iterator[Api]:
    with Api(shared_server) as api:
        yield api


def curl(api: Api, method: str, request: Json) -> "subprocess.CompletedProcess[str]":
    buf = shutil.which("buf", path=str(Path(sys.executable).parent))
    assert buf is not None, "make setup installs it"
    url = f"http://{api.server.http_address}/runstream.v1.{method}"
    command = [buf, "curl", "--protocol", "connect", "--schema", str(REPOSITORY / "proto")]
    return subprocess.run(
        [*command, "-d", json.dumps(request), url],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_buf_curl_gets_an_answer(api: Api) -> None:
    run_id = api.new_run()

    done = curl(api, "RunService/GetRun", {"run_id": run_id})

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"]["runId"] == run_id


def test_buf_curl_gets_a_stream(api: Api) -> None:
    run_id = api.new_run()
    api.log(run_id, "loss", [0.5, "NaN"])

    done = curl(api, "MetricService/GetHistory", {"run_id": run_id})

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["series"][0]["value"] == [0.5, "NaN"]


@pytest.mark.parametrize("method", ["RunService/GetRun", "MetricService/GetHistory"])
def test_buf_curl_understands_errors(api: Api, method: str) -> None:
    done = curl(api, method, {"run_id": "f" * 32})

    error = json.loads(done.stderr)
    assert done.returncode != 0
    assert (error["code"], reason(error)) == ("not_found", "RUN_NOT_FOUND")
