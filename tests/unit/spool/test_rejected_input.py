"""Bad input is counted and warned about once; the rest of the row is kept. Strict mode raises."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.spool.logging_runs import decoded, new_writer, read_all

from runstream._spool import Close, SpoolWriter
from runstream.errors import InvalidValue, RunstreamError

BAD_VALUES = [
    "0.5",
    b"0.5",
    None,
    [1.0],
    (1.0, 2.0),
    10**400,
    1j,
    np.array([1.0, 2.0]),
    np.str_("0.5"),
    object(),
]
BAD_KEYS: list[Any] = [
    "",
    "x" * 251,
    "a\nb",
    "a\x00",
    "\x7f",
    "\x9f",
    "lone \ud800 surrogate",
    5,
    None,
    ("a", "b"),
]


class Unwilling:
    """Like a tensor of several elements, whose `float()` raises RuntimeError."""

    def __float__(self) -> float:
        raise RuntimeError("a Tensor with 2 elements cannot be converted to Scalar")


@pytest.mark.parametrize("value", [*BAD_VALUES, Unwilling()], ids=lambda value: repr(value)[:20])
def test_a_bad_value_costs_its_point_alone(tmp_path: Path, value: Any) -> None:  # noqa: ANN401
    writer = new_writer(tmp_path)

    writer.log({"good": 1, "bad": value, "fine": 2})
    writer.log({"good": 1, "bad": value, "fine": 2})

    rows = decoded(read_all(writer.folder))
    assert [[key for key, _, _ in row.points] for row in rows] == [["good", "fine"]] * 2
    assert writer.rejected == {"value": 2}


@pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: ascii(key)[:20])
def test_a_bad_key_costs_its_point_alone(tmp_path: Path, key: Any) -> None:  # noqa: ANN401
    writer = new_writer(tmp_path)

    writer.log({"good": 1, key: 5, "fine": 2})
    writer.log({"good": 1, key: 5, "fine": 2})

    rows = decoded(read_all(writer.folder))
    assert [[key for key, _, _ in row.points] for row in rows] == [["good", "fine"]] * 2
    assert writer.rejected == {"key": 2}


def test_a_bad_key_within_a_nested_mapping_costs_its_point_alone(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)

    writer.log({"deep": {"good": 1, 5: 1, "x" * 250: 1}})

    assert [key for key, _, _ in decoded(read_all(writer.folder))[0].points] == ["deep/good"]
    assert writer.rejected == {"key": 2}


@pytest.mark.parametrize("key", ["x", "x" * 250, "acc@5", "été", "a b", "🙂" * 250, "\xa0"])
def test_every_other_key_is_taken(tmp_path: Path, key: str) -> None:
    writer = new_writer(tmp_path, strict=True)

    writer.log({key: 1})

    assert decoded(read_all(writer.folder))[0].points[0][0] == key


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 1.5, "1", float("nan"), [1]])
def test_a_bad_step_costs_the_row(tmp_path: Path, step: Any) -> None:  # noqa: ANN401
    writer = new_writer(tmp_path)

    writer.log({"a": 1, "b": 2}, step=3)
    writer.log({"a": 1, "b": 2}, step=step)
    writer.log({"a": 1, "b": 2})

    assert [row.step for row in decoded(read_all(writer.folder))] == [3, 4]
    assert writer.rejected == {"step": 2}


@pytest.mark.parametrize("step", [2**63 - 1, -(2**63), True, np.int32(5), 2.0])
def test_every_integer_of_64_bits_is_a_step(tmp_path: Path, step: Any) -> None:  # noqa: ANN401
    writer = new_writer(tmp_path, strict=True)

    writer.log({"a": 1}, step=step)
    writer.log({"a": 1}, step=step)

    assert [row.step for row in decoded(read_all(writer.folder))] == [int(step)] * 2


@pytest.mark.parametrize("time_us", [-1, 2**63, 1.5, "now"])
def test_a_bad_time_costs_the_row(tmp_path: Path, time_us: Any) -> None:  # noqa: ANN401
    writer = new_writer(tmp_path)

    writer.log({"a": 1}, time_us=7)
    writer.log({"a": 1}, time_us=time_us)

    assert [row.time_us for row in decoded(read_all(writer.folder))] == [7]
    assert writer.rejected == {"time": 1}


@pytest.mark.parametrize("rank", [-1, 2**31, "0", 0.5])
def test_a_bad_rank_costs_the_row(tmp_path: Path, rank: Any) -> None:  # noqa: ANN401
    writer = new_writer(tmp_path)

    writer.log({"a": 1}, rank=rank)

    assert writer.rows == 0
    assert writer.rejected == {"rank": 1}


def test_a_key_that_comes_twice_keeps_the_last_value(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)

    writer.log({"a/b": 1, "a": {"b": 2}})

    assert len(decoded(read_all(writer.folder))[0].points) == 1
    assert writer.rejected == {"duplicate": 1}


def test_what_is_no_mapping_is_rejected(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)

    writer.log([("a", 1)])  # type: ignore[arg-type]  # bad on purpose
    writer.log(None)  # type: ignore[arg-type]  # bad on purpose

    assert writer.rows == 0
    assert writer.rejected == {"metrics": 2}


def test_each_kind_of_fault_is_warned_about_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = new_writer(tmp_path)

    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            writer.log({"loss": "high", "": 1, "ok": 1}, step=1)
            writer.log({"loss": "high"}, step="x")  # type: ignore[arg-type]  # bad on purpose

    assert len(caplog.messages) == 3
    assert any("'high'" in message and "'loss'" in message for message in caplog.messages)


def test_the_close_record_tells_what_was_rejected(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    writer.log({"a": "x", "b": 1})
    writer.close()

    close = read_all(writer.folder)[-1]
    assert isinstance(close, Close)
    assert close.rejected == {"value": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        {"metrics": {"a": "x", "b": 1}},
        {"metrics": {"": 1, "b": 1}},
        {"metrics": {"a": 1}, "step": 1.5},
        {"metrics": {"a": 1}, "time_us": -1},
        {"metrics": {"a": 1}, "rank": -1},
        {"metrics": {"a/b": 1, "a": {"b": 1}}},
        {"metrics": 5},
    ],
    ids=repr,
)
def test_strict_mode_raises_and_stores_nothing(tmp_path: Path, arguments: dict[str, Any]) -> None:
    writer = new_writer(tmp_path, strict=True)

    with pytest.raises(InvalidValue) as caught:
        writer.log(**arguments)

    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, RunstreamError)
    assert read_all(writer.folder) == []


@pytest.mark.parametrize("text", ["1", "true", "YES"])
def test_strict_mode_is_asked_for_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("RUNSTREAM_STRICT", text)
    writer = SpoolWriter.create(tmp_path, run_id="a" * 32)

    with pytest.raises(InvalidValue):
        writer.log({"a": "x"})


def test_logging_after_close_is_counted(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    writer.log({"a": 1, "b": 2})
    writer.close()
    writer.close()

    writer.log({"a": 1, "b": 2})
    assert writer.operation({"op": "x"}) is None
    assert writer.artifact(b"x", "x") is None

    assert writer.rejected == {"closed": 2, "storage_records": 2}
    assert writer.rows == 1


@pytest.mark.parametrize(
    "payload", [{"a": float("nan")}, {"a": object()}, {"a": "\ud800"}, {"a": "x" * 5_000_000}]
)
def test_an_operation_that_json_cannot_express_raises_in_any_mode(
    tmp_path: Path, payload: dict[str, object]
) -> None:
    writer = new_writer(tmp_path)

    with pytest.raises(InvalidValue):
        writer.operation(payload)

    assert read_all(writer.folder) == []
