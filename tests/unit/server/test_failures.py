"""How failures are rendered for gRPC."""

import errno
import sqlite3
from collections.abc import Iterable
from typing import cast

import grpc
import pytest
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs] - they lie in another package
    error_details_pb2,
    status_pb2,
)
from sqlalchemy.exc import IntegrityError, OperationalError, TimeoutError as PoolTimeout

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.outages import failure_in
from runstream_server.objects.errors import StorageError, StorageFull
from runstream_server.rpc.status import defect
from runstream_server.services.failures import to_status

MAX_HEADERS_BYTES = 8192
"""What gRPC clients take, unless told otherwise."""


def parse(failure: Failure) -> tuple[status_pb2.Status, error_details_pb2.ErrorInfo]:
    metadata = dict(cast("Iterable[tuple[str, bytes]]", to_status(failure).trailing_metadata))
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return status, info


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_a_status_of_grpc(reason: Reason) -> None:
    status = to_status(Failure(reason, "message"))

    assert status.code is grpc.StatusCode[reason.status.name]


def test_code_message_and_details_agree() -> None:
    rendered = to_status(Failure(Reason.RUN_NOT_FOUND, "no run", run_id="x"))
    status, info = parse(Failure(Reason.RUN_NOT_FOUND, "no run", run_id="x"))

    assert rendered.code is grpc.StatusCode.NOT_FOUND
    assert status.code == 5
    assert status.message == rendered.details == "no run"
    assert (info.reason, info.domain, dict(info.metadata)) == (
        "RUN_NOT_FOUND",
        "runstream",
        {"run_id": "x"},
    )


def test_there_is_retry_info_only_where_a_retry_makes_sense() -> None:
    without, _ = parse(Failure(Reason.RUN_NOT_FOUND, "no run"))
    with_delay, _ = parse(Failure(Reason.SERVER_STOPPING, "later", retry_delay_s=0.25))

    retry = error_details_pb2.RetryInfo()
    assert len(without.details) == 1
    assert with_delay.details[1].Unpack(retry)
    assert retry.retry_delay.ToTimedelta().total_seconds() == 0.25


@pytest.mark.parametrize("character", ["x", "é", "語", "🙂", "\x00", "\n"])
def test_long_texts_stay_within_what_clients_take_as_headers(character: str) -> None:
    text = character * 100_000
    failure = Failure(Reason.PARAM_CONFLICT, text, key=text, stored=text, given=text)

    rendered = to_status(failure)
    status, info = parse(failure)

    percent_encoded = len(rendered.details.encode()) * 3
    base64 = status.ByteSize() * 4 / 3
    assert percent_encoded + base64 < MAX_HEADERS_BYTES - 500
    assert set(info.metadata) == {"key", "stored", "given"}
    assert all(info.metadata.values())


def test_lone_surrogates_do_not_break_the_answer() -> None:
    status, info = parse(Failure(Reason.INVALID_KEY, "key \ud800 is bad", value="\ud800"))

    assert status.message == "key ? is bad"
    assert info.metadata["value"] == "?"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "x"), Reason.STORAGE_FULL),
        (OSError(errno.EDQUOT, "x"), Reason.STORAGE_FULL),
        (StorageFull("x"), Reason.STORAGE_FULL),
        (StorageError("x"), Reason.STORAGE_UNAVAILABLE),
        (PoolTimeout("x"), Reason.STORAGE_UNAVAILABLE),
        (
            OperationalError("", None, sqlite3.OperationalError("disk I/O error")),
            Reason.STORAGE_UNAVAILABLE,
        ),
        (
            OperationalError("", None, sqlite3.OperationalError("database or disk is full")),
            Reason.STORAGE_FULL,
        ),
        (
            BaseExceptionGroup("", [KeyError(), Failure(Reason.IS_A_DIRECTORY, "x")]),
            Reason.IS_A_DIRECTORY,
        ),
    ],
)
def test_what_stores_raise_is_a_failure(error: BaseException, reason: Reason) -> None:
    found = failure_in(error)

    assert found is not None
    assert found.reason is reason


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        OSError(errno.EBADF, "x"),
        ExceptionGroup("", [KeyError()]),
        IntegrityError("", None, sqlite3.IntegrityError("UNIQUE constraint failed")),
    ],
)
def test_anything_else_is_a_defect(error: BaseException) -> None:
    assert failure_in(error) is None


def test_each_defect_has_an_id_of_its_own() -> None:
    ids = {defect().metadata["request_id"] for _ in range(100)}

    assert len(ids) == 100
