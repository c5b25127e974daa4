"""This server answers as MLflow's own does, over hundreds of requests, right and wrong ones."""

from collections.abc import Iterator

import httpx
import pytest

from tests.mlflow import (
    cases_artifacts,
    cases_experiments,
    cases_histories,
    cases_inputs,
    cases_logging,
    cases_models,
    cases_runs,
    cases_searching,
    cases_wire,
)
from tests.mlflow.cases import Case
from tests.mlflow.comparing import Server, differences
from tests.mlflow.reference import running_reference
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

SUBJECTS = [
    cases_wire,
    cases_experiments,
    cases_runs,
    cases_logging,
    cases_histories,
    cases_searching,
    cases_inputs,
    cases_models,
    cases_artifacts,
]
CASES = [case for subject in SUBJECTS for case in subject.CASES]


@pytest.fixture(scope="module")
def servers(
    shared_server: ServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, Server]]:
    """This server and MLflow's."""
    with (
        running_reference(tmp_path_factory.mktemp("reference")) as address,
        httpx.Client(base_url=address, trust_env=False, timeout=60) as theirs,
        httpx.Client(
            base_url=f"http://{shared_server.http_address}", trust_env=False, timeout=60
        ) as ours,
    ):
        yield Server(ours), Server(theirs)


@pytest.mark.parametrize(
    ("number", "case"), list(enumerate(CASES)), ids=[case.name for case in CASES]
)
def test_both_servers_answer_alike(servers: tuple[Server, Server], number: int, case: Case) -> None:
    found = differences(case, number, *servers)

    assert not found, "\n".join(found)
