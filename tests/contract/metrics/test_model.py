"""Whatever is logged, sealed, merged and restarted in whatever order: every read is exact at every
moment.
"""

import asyncio
import math
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runstream.v1 import metric_pb2, metric_service_pb2 as pb
from runstream_server.storage import block_rows
from tests.contract.backends import Backend
from tests.contract.metrics.model import Bucket, Model, ModelPoint, bits
from tests.contract.metrics.serving import Served, make_chunks_small, serving
from tests.contract.metrics.streams import StreamClient

RUN = "0123456789abcdef" * 2
BASE_TIME = 1_700_000_000_000_000
SPECIAL = (math.nan, math.inf, -math.inf, -0.0, 0.0, 1e308, 5e-324, 0.1)
NAN_WITH_PAYLOAD = 0x7FF8_0000_0000_BEEF
KEYS = ("loss", "acc", "grad/norm", "lr", "late")
LAYOUTS = ((0,), (0, 1), (1, 0, 2), (3, 4), (0, 1, 2, 3, 4))
INT64 = (1 << 63) - 1


class Story:
    """Does random things to a run, and to the model of it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.model = Model()
        self.writers = [StreamClient(RUN, f"{rank:032x}", rank) for rank in (0, 1)]
        self.time = BASE_TIME
        self.steps = [0, 0]

    def value(self) -> int:
        """Returns the bits of a value."""
        choice = self.random.random()
        if choice < 0.1:
            return NAN_WITH_PAYLOAD
        if choice < 0.4:
            return bits(self.random.choice(SPECIAL))
        return bits(self.random.gauss(0, 1))

    def moment(self, rank: int) -> tuple[int, int]:
        """Returns a step and a time: mostly later ones, sometimes earlier, sometimes ones that were
        there.
        """
        choice = self.random.random()
        self.time += self.random.choice((0, 1, 17, 1000))
        if choice < 0.7:
            self.steps[rank] += self.random.choice((1, 1, 1, 2, 50))
            return self.steps[rank], self.time
        if choice < 0.85:
            return self.random.randint(-20, max(1, self.steps[rank])), self.time
        if choice < 0.98:
            return self.random.randint(0, 5), BASE_TIME + self.random.randint(0, 3)
        return self.random.choice((INT64, -INT64 - 1, 1 << 40)), self.time

    async def stream_rows(self, served: Served) -> None:
        rank = self.random.randrange(2)
        writer = self.writers[rank]
        rows: list[tuple[tuple[tuple[str, int], ...], int, int, list[int]]] = []
        inline = self.random.random() < 0.2
        for _ in range(self.random.choice((1, 3, 40))):
            layout = self.random.choice(LAYOUTS)
            series_rank = self.random.choice((rank, rank, rank, -1))
            names = tuple((KEYS[i], series_rank) for i in layout)
            step, time = self.moment(rank)
            rows.append((names, step, time, [self.value() for _ in names]))
        await writer.send(served.metrics, rows, inline=inline)
        for names, step, time, values in rows:
            for name, value in zip(names, values, strict=True):
                self.model.add(name, [ModelPoint(step, time, value)])

    async def log_points(self, served: Served) -> None:
        request = pb.LogMetricsRequest(run_id=RUN)
        for _ in range(self.random.choice((1, 5))):
            key, rank = self.random.choice(KEYS), self.random.choice((-1, 0, 1))
            known = sorted(self.model.series.get((key, rank), ()), key=repr)
            point = ModelPoint(*self.moment(max(rank, 0)), self.value())
            if known and self.random.random() < 0.5:
                point = self.random.choice(known)
            request.points.add(
                key=key,
                value=point.value,
                step=point.step,
                time_unix_us=point.time,
                rank=None if rank < 0 else rank,
            )
            self.model.add((key, rank), [point])
        await served.metrics.LogMetrics(request)

    async def seal(self, served: Served) -> None:
        await served.maker.seal(RUN)

    async def merge(self, served: Served) -> None:
        async with served.core.database.read() as connection:
            live = await block_rows.live_blocks(connection, RUN)
        if len(live) < 2:
            return
        begin = self.random.randrange(len(live) - 1)
        end = self.random.randint(begin + 2, len(live))
        await served.maker.merge(RUN, live[begin:end], 1)

    async def check(self, served: Served) -> None:
        await check_histories(served, self.model, self.random)
        await check_summaries(served, self.model)
        await check_charts(served, self.model, self.random)
        await check_latest(served, self.model)


async def read_history(
    served: Served, request: pb.GetHistoryRequest
) -> dict[tuple[str, int], list[ModelPoint]]:
    found: dict[tuple[str, int], list[ModelPoint]] = {}
    async for response in served.metrics.GetHistory(request):
        for part in response.series:
            points = found.setdefault(_name(part.series), [])
            points.extend(
                ModelPoint(step, time, bits(value))
                for step, time, value in zip(part.step, part.time_unix_us, part.value, strict=True)
            )
    return found


def _name(series: metric_pb2.Series) -> tuple[str, int]:
    return series.key, series.rank if series.HasField("rank") else -1


async def check_histories(served: Served, model: Model, chance: random.Random) -> None:
    everything = await read_history(served, pb.GetHistoryRequest(run_id=RUN))
    assert everything == {name: model.history(name) for name in model.series}
    low, high = sorted((chance.randint(-30, 200), chance.randint(-30, 200)))
    key = chance.choice(KEYS)
    request = pb.GetHistoryRequest(run_id=RUN, min_step=low, max_step=high)
    request.selector.keys.append(key)
    request.selector.rankless = True
    wanted = [p for p in model.series.get((key, -1), ()) if low <= p.step <= high]
    found = await read_history(served, request)
    assert sorted(found.get((key, -1), []), key=repr) == sorted(wanted, key=repr)


async def check_summaries(served: Served, model: Model) -> None:
    response = await served.metrics.ListSeries(pb.ListSeriesRequest(run_id=RUN))
    assert [_name(one.series) for one in response.series] == sorted(model.series)
    for one in response.series:
        bucket = Bucket(model.history(_name(one.series)))
        assert (one.count, one.nan_count) == (
            len(bucket.points),
            len(bucket.points) - len(bucket.numbers),
        )
        for shown, point in ((one.first, bucket.points[0]), (one.last, bucket.points[-1])):
            assert ModelPoint(shown.step, shown.time_unix_us, bits(shown.value)) == point
        check_numbers(one.min, one.max, one.sum, bucket)
        assert one.min_time_unix_us == min(p.time for p in bucket.points)
        assert one.max_time_unix_us == max(p.time for p in bucket.points)


def check_numbers(least: float, greatest: float, total: float, bucket: Bucket) -> None:
    numbers = bucket.numbers
    if not numbers:
        assert math.isnan(least)
        assert math.isnan(greatest)
        assert total == 0
        return
    assert (least, greatest) == (min(numbers), max(numbers))
    if math.inf in numbers and -math.inf in numbers:
        assert math.isnan(total)
    elif all(abs(number) < 1e300 for number in numbers):
        exact = math.fsum(numbers)
        assert math.isclose(
            total, exact, rel_tol=1e-9, abs_tol=1e-12 * math.fsum(map(abs, numbers))
        )


async def check_charts(served: Served, model: Model, chance: random.Random) -> None:
    by_time = chance.random() < 0.5
    max_buckets = chance.choice((1, 2, 7, 30, 1000))
    request = pb.GetChartRequest(run_ids=[RUN], max_buckets=max_buckets)
    request.x_axis = metric_pb2.CHART_AXIS_TIME if by_time else metric_pb2.CHART_AXIS_STEP
    low, high = -INT64 - 1, INT64
    if chance.random() < 0.6:
        base = BASE_TIME if by_time else 0
        low, high = sorted((base + chance.randint(-20, 900), base + chance.randint(-20, 900)))
        request.x_min, request.x_max = low, high
    found: dict[tuple[str, int], metric_pb2.ChartSeries] = {}
    async for response in served.metrics.GetChart(request):
        found.update((_name(one.series), one) for one in response.series)
    for name in model.series:
        width, buckets = model.chart(
            name, by_time=by_time, low=low, high=high, max_buckets=max_buckets
        )
        assert (name in found) == bool(buckets)
        if buckets:
            check_chart(found[name], width, buckets, by_time=by_time)


def check_chart(
    made: metric_pb2.ChartSeries, width: int, buckets: list[Bucket], *, by_time: bool
) -> None:
    assert made.bucket_width == width
    assert list(made.count) == [len(bucket.points) for bucket in buckets]
    for i, bucket in enumerate(buckets):
        xs = [p.time if by_time else p.step for p in bucket.points]
        assert (made.x_first[i], made.x_last[i]) == (min(xs), max(xs))
        assert made.nan_count[i] == len(bucket.points) - len(bucket.numbers)
        assert bits(made.first[i]) == bucket.points[0].value_bits
        assert bits(made.last[i]) == bucket.points[-1].value_bits
        check_numbers(made.min[i], made.max[i], made.sum[i], bucket)


async def check_latest(served: Served, model: Model) -> None:
    run = await served.core.runs.get(RUN)
    expected = {}
    for key in KEYS:
        ranks = sorted(rank for name, rank in model.series if name == key)
        if ranks:
            point = model.history((key, ranks[0]))[-1]
            expected[key] = (None if ranks[0] < 0 else ranks[0], point)
    found = {
        one.key: (one.rank, ModelPoint(one.step, one.time_us, bits(one.value)))
        for one in run.metrics
    }
    assert found == expected


async def tell(backend: Backend, seed: int, acts: list[str], data_dir: Path) -> None:
    story = Story(seed)
    created = False
    remaining = list(acts)
    while remaining:
        async with serving(backend, data_dir) as served:
            if not created:
                await served.create_run(RUN)
                created = True
            while remaining:
                act = remaining.pop(0)
                if act == "restart":
                    break
                await getattr(story, act)(served)
            if story.model.series:
                await story.check(served)
            for writer in story.writers:
                await writer.close()


ACTS = st.sampled_from(
    ("stream_rows", "stream_rows", "stream_rows", "log_points", "seal", "merge", "check", "restart")
)


@pytest.mark.timeout(300)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32), acts=st.lists(ACTS, min_size=4, max_size=25))
def test_reads_are_exact_at_every_moment(backend: Backend, seed: int, acts: list[str]) -> None:
    with make_chunks_small(), tempfile.TemporaryDirectory() as folder:
        asyncio.run(tell(backend, seed, ["stream_rows", *acts], Path(folder)))
        backend.gone(Path(folder))
