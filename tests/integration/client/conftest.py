"""Both clients, and jobs, against a real server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias, cast

import pytest
from tests.integration.client.blocking import BlockingClient
from tests.integration.client.jobs import Jobs
from tests.support.server import ServerProcess

from runstream import Client

MakeClient: TypeAlias = Callable[..., Client]


@pytest.fixture(params=["Client", "AsyncClient"])
def make_client(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    """Makes clients of either kind, which are called alike and end with the test."""
    made: list[Client] = []

    def make(server: ServerProcess, retry_for_s: float = 30.0) -> Client:
        kind = Client if request.param == "Client" else BlockingClient
        uri = f"grpc://{server.grpc_address}"
        made.append(cast("Client", kind(uri, retry_for_s=retry_for_s)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: MakeClient, shared_server: ServerProcess) -> Client:
    """A client of the server that the module's tests share."""
    return make_client(shared_server)


@pytest.fixture
def jobs(tmp_path: Path, shared_server: ServerProcess) -> Iterator[Jobs]:
    """Programs that log to the server that the module's tests share."""
    jobs = Jobs(tmp_path, f"grpc://{shared_server.grpc_address}")
    yield jobs
    jobs.close()
