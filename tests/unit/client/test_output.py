import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from runstream.cli.output import age_text, as_json, print_pairs, print_table
from runstream.entities import MetricPoint, RunStatus


def test_everything_becomes_what_json_can_express() -> None:
    value = {
        "point": MetricPoint(key="a", value=math.nan),
        "infinite": [math.inf, -math.inf],
        "time": datetime(2024, 1, 2, tzinfo=UTC),
        "array": np.array([1.5, math.nan]),
        "view": memoryview(b"ab"),
        "status": RunStatus.FAILED,
        "none": None,
    }

    found = json.loads(json.dumps(as_json(value), allow_nan=False))

    assert found == {
        "point": {
            "key": "a",
            "value": "NaN",
            "step": 0,
            "time_us": None,
            "rank": None,
            "model_id": "",
            "dataset_name": "",
            "dataset_digest": "",
        },
        "infinite": ["Infinity", "-Infinity"],
        "time": "2024-01-02T00:00:00+00:00",
        "array": [1.5, "NaN"],
        "view": [97, 98],
        "status": "FAILED",
        "none": None,
    }


def test_tables_align_their_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A", "LONG"), [("first", "1"), ("2", "x\ny\x1b[0m")])
    print_pairs([("a", "1"), ("longer", "")])

    assert capsys.readouterr().out == ("A      LONG\nfirst  1\n2      x y [0m\na       1\nlonger\n")


@pytest.mark.parametrize(
    ("took", "shown"),
    [
        (timedelta(seconds=5.9), "0:00:05"),
        (timedelta(days=2, seconds=3661), "49:01:01"),
        (timedelta(seconds=-5), "0:00:00"),
    ],
)
def test_durations_are_hours_minutes_and_seconds(took: timedelta, shown: str) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)

    assert age_text(start, start + took) == shown
