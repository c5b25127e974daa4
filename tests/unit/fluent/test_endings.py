import asyncio
import signal

import pytest

from runstream._fluent.endings import describe, status_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "FINISHED"),
        (ValueError("x"), "FAILED"),
        (MemoryError(), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (asyncio.CancelledError(), "KILLED"),
        (GeneratorExit(), "FINISHED"),
        (SystemExit(), "FINISHED"),
        (SystemExit(0), "FINISHED"),
        (SystemExit(1), "FAILED"),
        (SystemExit("no data"), "FAILED"),
        (SystemExit(128 + signal.SIGTERM), "KILLED"),
        (SystemExit(128 + signal.SIGINT), "KILLED"),
    ],
)
def test_what_ends_a_program_says_how_its_runs_end(
    error: BaseException | None, status: str
) -> None:
    assert status_of(error) == status


def test_describes_failures_by_their_traceback() -> None:
    try:
        raise ValueError("the loss is NaN")
    except ValueError as error:
        text = describe(error)

    assert text.startswith("Traceback (most recent call last):")
    assert text.endswith("ValueError: the loss is NaN")


@pytest.mark.parametrize("error", [None, SystemExit(0), GeneratorExit()])
def test_has_nothing_to_say_of_what_went_well(error: BaseException | None) -> None:
    assert describe(error) == ""
