"""Many runs followed over one stream of HTTP, as a page in a browser does."""

import contextlib
import json
from collections.abc import Callable, Generator, Iterator

import pytest

from tests.contract.connect.calling import Api, Json, enveloped, unframed
from tests.support.server import ServerProcess

WATCH = "runstream.v1.MetricService/WatchRuns"


@pytest.fixture
def api(each_server: ServerProcess) -> Iterator[Api]:
    with Api(each_server) as api:
        yield api


@contextlib.contextmanager
def watching(api: Api, *watches: Json) -> Generator[Iterator[Json]]:
    """Yields the answers of a stream of WatchRuns as they come."""
    body = enveloped(json.dumps({"watches": watches}).encode())
    headers = {"Content-Type": "application/connect+json"}
    with api.http.stream("POST", WATCH, content=body, headers=headers) as response:
        assert response.status_code == 200
        yield (json.loads(content) for _, content in unframed(response.iter_raw()))


def until(answers: Iterator[Json], enough: Callable[[list[Json]], bool]) -> list[Json]:
    found: list[Json] = []
    while not enough(found):
        found.append(next(answers))
    return found


def values(answers: list[Json], run_id: str) -> list[float]:
    return [
        value
        for answer in answers
        if answer.get("runId") == run_id
        for part in answer.get("series", ())
        for value in part["value"]
    ]


def test_a_page_follows_its_runs_and_hears_of_one_that_is_not_there(api: Api) -> None:
    one, other, missing = api.new_run(), api.new_run(), "f" * 32

    with watching(api, *({"runId": run_id} for run_id in (one, other, missing))) as answers:
        shown = {answer["runId"]: answer for answer in until(answers, lambda a: len(a) == 3)}
        assert shown[one]["run"]["status"] == "RUN_STATUS_RUNNING"
        assert shown[missing]["error"]["reason"] == "RUN_NOT_FOUND"

        api.log(other, "loss", [0.5, "NaN"])
        found = until(answers, lambda a: len(values(a, other)) == 2)
        assert values(found, other) == [0.5, "NaN"]
        assert "lastCommitTime" in found[-1]
        api.call("RunService/FinishRun", runId=one, status="RUN_STATUS_FINISHED")
        found = until(answers, lambda a: any("run" in answer for answer in a))
        assert found[-1]["run"]["status"] == "RUN_STATUS_FINISHED"


def test_a_page_goes_on_from_its_cursors_after_a_broken_connection(api: Api) -> None:
    run_id = api.new_run()
    api.log(run_id, "loss", [1.0])
    with watching(api, {"runId": run_id, "cursor": "0"}) as answers:
        found = until(answers, lambda a: len(values(a, run_id)) == 1)

    api.log(run_id, "acc", [2.0, 3.0])

    with watching(api, {"runId": run_id, "cursor": found[-1]["cursor"]}) as answers:
        again = until(answers, lambda a: len(values(a, run_id)) == 2)
    assert values(again, run_id) == [2.0, 3.0]
