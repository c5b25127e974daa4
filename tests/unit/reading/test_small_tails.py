"""Extremes and latest points of many short logs at once, against going through them by hand."""

import math
import random
from collections import defaultdict

import numpy as np

from runstream_server.core.extremes import EXTREMES
from runstream_server.core.ingest.loose import rankless_columns
from runstream_server.core.logformat import LogRows, header_of, names_its_series
from runstream_server.core.points import Points
from runstream_server.core.reading.small_tails import (
    extremes_of_runs,
    latest_of_runs,
    series_of_run,
)

Point = tuple[int, int, float]
VALUES = [math.nan, -math.inf, -1.5, -0.0, 0.0, 2.0, math.inf]


def order(point: Point) -> tuple[int, int, int, float, float]:
    step, time, value = point
    if math.isnan(value):
        return step, time, 0, 0, 0
    return step, time, 1, value, math.copysign(1, value)


def some_logs(seed: int) -> tuple[list[tuple[int, bytes]], dict[tuple[int, int], list[Point]]]:
    """Returns batches of several runs, and the points in them by run and series."""
    rng = random.Random(seed)
    batches: list[tuple[int, bytes]] = []
    points: dict[tuple[int, int], list[Point]] = defaultdict(list)
    for run in range(5):
        for _ in range(rng.randrange(4)):
            count = rng.choice([1, 2, 2, 2, 30])
            keys = [rng.choice("abc") for _ in range(count)]
            rows = [(rng.randrange(4), rng.randrange(3), rng.choice(VALUES)) for _ in keys]
            step, time, value = (list(column) for column in zip(*rows, strict=True))
            columns = Points(
                np.array(step, np.int64), np.array(time, np.int64), np.array(value, np.float64)
            )
            loose = rankless_columns("run", keys, columns)
            batches.append((run, loose.rows.encode()))
            series = [name.key for name in loose.series]
            for key, row in zip(keys, rows, strict=True):
                points[run, series.index(key)].append(row)
    return batches, points


def same(one: Point, other: Point) -> bool:
    return order(one) == order(other)


def test_extremes_are_those_of_every_point() -> None:
    for seed in range(50):
        batches, points = some_logs(seed)

        runs, table = extremes_of_runs(batches)

        names = list(zip(runs.tolist(), table["series"].tolist(), strict=True))
        assert names == sorted(points)
        for name, entry in zip(names, table, strict=True):
            ordered = sorted(points[name], key=order)
            first = entry["first_step"], entry["first_time"], entry["first_value"]
            last = entry["last_step"], entry["last_time"], entry["last_value"]
            assert same(first, ordered[0])
            assert same(last, ordered[-1])
            numbers = [value for _, _, value in ordered if not math.isnan(value)]
            assert entry["min"] == min(numbers) if numbers else math.isnan(entry["min"])
            assert entry["max"] == max(numbers) if numbers else math.isnan(entry["max"])


def test_the_latest_of_several_tables_is_the_greatest_point() -> None:
    for seed in range(50):
        batches, points = some_logs(seed)
        tables = [extremes_of_runs([batch]) for batch in batches]

        latest = latest_of_runs([(np.zeros(0, np.int64), np.zeros(0, EXTREMES)), *tables])

        assert latest.keys() == {series_of_run(*name) for name in points}
        for name, logged in points.items():
            step, time, value, *_ = latest[series_of_run(*name)]
            assert same((step, time, value), max(logged, key=order))


def test_of_nothing_there_is_nothing() -> None:
    runs, table = extremes_of_runs([])

    assert (len(runs), len(table)) == (0, 0)
    assert latest_of_runs([(runs, table)]) == {}
    assert latest_of_runs([(runs, table), (runs, table)]) == {}


def test_rows_that_name_their_series_are_told_from_others() -> None:
    rows = LogRows.decode(some_logs(1)[0][0][1])
    others = LogRows(
        step=rows.step[:1],
        time=rows.time[:1],
        value=rows.value[:1],
        layout=np.zeros(1, np.uint32),
        inline_count=np.zeros(0, np.uint32),
        inline_series=np.zeros(0, np.uint32),
    )

    assert names_its_series(header_of(rows.encode()))
    assert not names_its_series(header_of(others.encode()))
