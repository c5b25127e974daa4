import math
import struct
import sys

import pytest

from runstream import Client, MetricPoint, Series
from runstream.entities import History

NAN_WITH_A_PAYLOAD = struct.unpack("<d", struct.pack("<Q", 0x7FF8_0000_DEAD_BEEF))[0]


def bits(values: object) -> list[int]:
    return [struct.unpack("<Q", struct.pack("<d", value))[0] for value in values]  # type: ignore[attr-defined]


@pytest.fixture
def run_id(client: Client) -> str:
    return client.create_run().run_id


def test_what_was_logged_comes_back_bit_for_bit(client: Client, run_id: str) -> None:
    values = [1.5, -0.0, math.inf, -math.inf, NAN_WITH_A_PAYLOAD, 5e-324]
    points = [
        MetricPoint(key="a", value=value, step=step, time_us=1_000 + step)
        for step, value in enumerate(values, -3)
    ]

    client.log_metrics(run_id, points)

    found = client.history(run_id)["a"]
    assert bits(found.value) == bits(values)
    assert list(found.step) == [-3, -2, -1, 0, 1, 2]
    assert list(found.time_us) == [997, 998, 999, 1000, 1001, 1002]
    assert len(found) == 6


def test_histories_are_selected_by_key_rank_and_step(client: Client, run_id: str) -> None:
    client.log_metrics(
        run_id,
        [
            MetricPoint(key=key, value=step, step=step, rank=rank)
            for key in ("loss/a", "loss/b", "acc")
            for rank in (None, 0, 1)
            for step in range(10)
        ],
    )

    assert len(client.history(run_id)) == 9
    assert set(client.history(run_id, ["acc"], ranks=[1])) == {Series("acc", 1)}
    assert set(client.history(run_id, key_glob="loss/*", rankless=True)) == {
        Series("loss/a"),
        Series("loss/b"),
    }
    part = client.history(run_id, ["acc"], min_step=3, max_step=5)
    assert list(part["acc"].step) == [3, 4, 5]
    assert part["acc"].series == Series("acc")
    assert len(client.history(run_id, ["none"])) == 0
    with pytest.raises(KeyError):
        part["none"]


def test_a_plain_key_is_the_lowest_rank_s_series_where_none_is_rankless(
    client: Client, run_id: str
) -> None:
    client.log_metrics(run_id, [MetricPoint(key="a", value=rank, rank=rank) for rank in (2, 1)])

    assert client.history(run_id)["a"].series == Series("a", 1)


def test_series_are_listed_page_by_page_with_their_summaries(client: Client, run_id: str) -> None:
    client.log_metrics(
        run_id,
        [
            MetricPoint(key=f"m{key}", value=value, step=step)
            for key in range(5)
            for step, value in enumerate([3.0, math.nan, -1.0])
        ],
    )

    found = list(client.list_series(run_id, page_size=2))

    assert [summary.series.key for summary in found] == ["m0", "m1", "m2", "m3", "m4"]
    first = found[0]
    assert (first.count, first.nan_count, first.min, first.max, first.sum) == (3, 1, -1, 3, 2)
    assert (first.first.value, first.last.step) == (3.0, 2)


def test_a_chart_holds_the_extremes_of_every_bucket(client: Client, run_id: str) -> None:
    points = [MetricPoint(key="a", value=float(step % 7), step=step) for step in range(1_000)]
    client.log_metrics(run_id, points)

    chart = client.chart([run_id], ["a"], max_buckets=10)

    (series,) = chart.series
    assert (series.run_id, series.series) == (run_id, Series("a"))
    assert sum(series.count) == 1_000
    assert set(series.min) == {0.0}
    assert set(series.max) == {6.0}
    assert (series.x_first[0], series.x_last[-1]) == (0, 999)
    assert series.bucket_width == 128
    assert chart.cursors[run_id] > 0
    by_time = client.chart([run_id], x_axis="TIME")
    assert by_time.series[0].x_first[0] > 1_000_000_000_000_000


def test_a_run_is_watched_from_what_was_read(client: Client, run_id: str) -> None:
    client.log_metrics(run_id, [MetricPoint(key="a", value=0)])
    history = client.history(run_id)
    client.log_metrics(run_id, [MetricPoint(key="a", value=1, step=1)])
    client.log_metrics(run_id, [MetricPoint(key="b", value=2, step=2)])

    seen: list[tuple[str, int, float]] = []
    updates = client.watch_run(run_id, cursor=history.cursor)
    for update in updates:
        for points in update.series:
            seen += zip([points.series.key] * len(points), points.step, points.value, strict=True)
        if len(seen) == 2:
            break

    assert seen == [("a", 1, 1.0), ("b", 2, 2.0)]


def test_watching_tells_how_the_run_goes(client: Client, run_id: str) -> None:
    updates = client.watch_run(run_id)
    first = next(updates)
    client.finish_run(run_id, "FAILED")

    later = (update.run for update in updates if update.run is not None)
    ended = next(run for run in later if run.status.is_ended)

    assert first.run is not None
    assert first.run.status == "RUNNING"
    assert ended.status == "FAILED"


def test_long_histories_come_whole(client: Client, run_id: str) -> None:
    count = 150_000
    for start in range(0, count, 50_000):
        client.log_metrics(
            run_id,
            (
                MetricPoint(key="a", value=step / 3, step=step, time_us=step)
                for step in range(start, start + 50_000)
            ),
        )

    found = client.history(run_id)["a"]

    assert list(found.step) == list(range(count))
    assert found.value[-1] == (count - 1) / 3


@pytest.fixture
def without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)


@pytest.mark.usefixtures("without_numpy")
def test_without_numpy_columns_are_memoryviews(client: Client, run_id: str) -> None:
    client.log_metrics(run_id, [MetricPoint(key="a", value=0.5, step=-1, time_us=7)])

    history: History = client.history(run_id)
    chart = client.chart([run_id])

    found = history["a"]
    assert {type(found.step).__name__, type(found.value).__name__} == {"memoryview"}
    assert (list(found.step), list(found.time_us), list(found.value)) == ([-1], [7], [0.5])
    assert list(chart.series[0].first) == [0.5]
