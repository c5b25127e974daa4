import random
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs] - they lie in another package
    error_details_pb2,
    status_pb2,
)

from runstream._client import retries
from runstream._client.failures import asked_pause_s, to_error
from runstream._client.retries import Retries
from runstream.errors import InvalidValue, ServerError, ServerUnavailable

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


class FailedCall(grpc.RpcError):
    """What gRPC raises, as far as anybody looks at it."""

    def __init__(
        self, code: grpc.StatusCode, details: str = "", trailing: tuple[tuple[str, bytes], ...] = ()
    ) -> None:
        super().__init__()
        self._parts = code, details, trailing

    def code(self) -> grpc.StatusCode:
        return self._parts[0]

    def details(self) -> str:
        return self._parts[1]

    def trailing_metadata(self) -> Any:  # noqa: ANN401 - the stubs know no pairs of str and bytes
        return self._parts[2]


def asking_for(delay_s: int) -> FailedCall:
    status = status_pb2.Status()
    retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=delay_s))
    status.details.add().Pack(retry)
    return FailedCall(UNAVAILABLE, "", (("grpc-status-details-bin", status.SerializeToString()),))


def longest(_least: float, greatest: float) -> float:
    return greatest


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(retries, "time", clock)
    monkeypatch.setattr(random, "uniform", longest)
    return clock


def test_pauses_grow_and_end(clock: Clock) -> None:
    attempts = Retries(for_s=5)
    pauses: list[float] = []

    while (pause := attempts.pause_s(FailedCall(UNAVAILABLE))) is not None:
        pauses.append(pause)
        clock.now += pause

    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6]


def test_getting_on_makes_the_next_failure_the_first(clock: Clock) -> None:
    attempts = Retries(for_s=1)
    attempts.pause_s(FailedCall(UNAVAILABLE))
    clock.now += 60

    attempts.succeeded()

    assert attempts.pause_s(FailedCall(UNAVAILABLE)) == 0.1


def test_the_server_s_own_pause_is_kept(clock: Clock) -> None:
    assert clock.now
    assert asked_pause_s(asking_for(3)) == 3
    assert Retries(for_s=10).pause_s(asking_for(3)) == 3
    assert Retries(for_s=2).pause_s(asking_for(3)) is None


def test_a_connection_that_broke_under_a_message_is_a_lost_connection() -> None:
    # What grpc.aio says then, whatever the status of the call would be.
    broken = FailedCall(grpc.StatusCode.INTERNAL, "Internal error from Core")

    assert Retries(for_s=10).pause_s(broken) is not None
    assert isinstance(to_error(broken, "grpc://h:1"), ServerUnavailable)


def test_an_upload_that_an_own_earlier_call_took_over_is_tried_again() -> None:
    status = status_pb2.Status()
    status.details.add().Pack(
        error_details_pb2.ErrorInfo(reason="UPLOAD_MOVED", domain="runstream")
    )
    trailing = (("grpc-status-details-bin", status.SerializeToString()),)

    assert Retries(for_s=10).pause_s(FailedCall(grpc.StatusCode.ABORTED, "", trailing)) is not None


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNKNOWN,
    ],
)
def test_nothing_but_unavailable_is_repeated(code: grpc.StatusCode) -> None:
    assert Retries(for_s=10).pause_s(FailedCall(code)) is None


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (UNAVAILABLE, ServerUnavailable, "no server answers at grpc://h:1 (refused)"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ServerUnavailable, "did not answer in time"),
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidValue, "INVALID_ARGUMENT from grpc://h:1"),
        (grpc.StatusCode.UNIMPLEMENTED, ServerError, "UNIMPLEMENTED from grpc://h:1: refused"),
        (grpc.StatusCode.UNAUTHENTICATED, ServerError, "UNAUTHENTICATED"),
    ],
)
def test_errors_that_are_not_the_server_s_own_words_name_it(
    code: grpc.StatusCode, kind: type[Exception], said: str
) -> None:
    error = to_error(FailedCall(code, "refused"), "grpc://h:1")

    assert type(error) is kind
    assert said in str(error)
    assert error.reason == code.name


def test_details_that_cannot_be_read_are_no_error_of_their_own() -> None:
    broken = FailedCall(UNAVAILABLE, "x", (("grpc-status-details-bin", b"\xff\xff"),))

    assert asked_pause_s(broken) == 0
    assert isinstance(to_error(broken, "grpc://h:1"), ServerUnavailable)
