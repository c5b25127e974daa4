import time
import uuid

import pytest

from runstream._run_ids import checked_run_id, job_run_id, new_run_id
from runstream.errors import InvalidValue


def test_new_ids_are_uuids_of_version_7() -> None:
    before_ms = time.time_ns() // 1_000_000

    found = uuid.UUID(hex=new_run_id())

    assert found.variant == uuid.RFC_4122
    assert found.version == 7
    assert before_ms <= found.int >> 80 <= time.time_ns() // 1_000_000


def test_new_ids_differ() -> None:
    assert len({new_run_id() for _ in range(10_000)}) == 10_000


def test_ids_of_later_milliseconds_sort_behind() -> None:
    first = new_run_id()
    start_ms = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= start_ms:
        pass

    assert first < new_run_id()


def test_the_ids_of_jobs_depend_on_every_part() -> None:
    parts = ("key", "experiment", "name", 0)
    others = [
        ("other", "experiment", "name", 0),
        ("key", "other", "name", 0),
        ("key", "experiment", "other", 0),
        ("key", "experiment", "name", 1),
        ("key", "experimentname", "", 0),
    ]

    ids = {job_run_id(*each) for each in [parts, *others]}

    assert len(ids) == 6
    assert job_run_id(*parts) == "866bd8802a72c77989f5537d518c2a08"


@pytest.mark.parametrize(
    "text", ["0" * 31 + "A", "00000000-0000-0000-0000-00000000000a", "0" * 31 + "a"]
)
def test_takes_uuids_in_any_spelling(text: str) -> None:
    assert checked_run_id(text) == "0" * 31 + "a"


@pytest.mark.parametrize("text", ["", "a", "0" * 33, "g" * 32, "my-run"])
def test_refuses_what_is_no_id(text: str) -> None:
    with pytest.raises(InvalidValue, match="not 32 hexadecimal digits"):
        checked_run_id(text)
