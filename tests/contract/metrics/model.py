"""What a run must answer, worked out in plain Python from all points that were acknowledged."""

import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

__all__ = ["Bucket", "Model", "ModelPoint", "bits", "order_of"]

SeriesKey = tuple[str, int]
"""A metric's key and rank, -1 for none."""


def bits(value: float) -> int:
    """Returns the 64 bits of a double."""
    return int.from_bytes(struct.pack("<d", value), "little")


def value_of(value_bits: int) -> float:
    """Returns the double with these bits."""
    return float(struct.unpack("<d", value_bits.to_bytes(8, "little"))[0])


@dataclass(frozen=True, slots=True)
class ModelPoint:
    """A point by its content."""

    step: int
    time: int
    value_bits: int

    @property
    def value(self) -> float:
        return value_of(self.value_bits)


def order_of(point: ModelPoint) -> tuple[object, ...]:
    """Orders points by (step, time, value): NaN before all else, by its bits; -0.0 before 0.0."""
    return (point.step, point.time, *_value_order(point.value_bits))


def _value_order(value_bits: int) -> tuple[object, ...]:
    value = value_of(value_bits)
    if math.isnan(value):
        negative = value_bits >> 63
        return (0, negative, -value_bits if negative else value_bits)
    return (1, value, math.copysign(1.0, value))


@dataclass(slots=True)
class Bucket:
    """The envelope of some points that are in the order of an axis."""

    points: list[ModelPoint]

    @property
    def numbers(self) -> list[float]:
        return [p.value for p in self.points if not math.isnan(p.value)]


@dataclass(slots=True)
class Model:
    """The points of a run, each once, by series."""

    series: dict[SeriesKey, set[ModelPoint]] = field(
        default_factory=dict[SeriesKey, set[ModelPoint]]
    )

    def add(self, series: SeriesKey, points: Iterable[ModelPoint]) -> None:
        """Takes in points."""
        self.series.setdefault(series, set()).update(points)

    def history(self, series: SeriesKey) -> list[ModelPoint]:
        """Returns a series in order."""
        return sorted(self.series[series], key=order_of)

    def chart(
        self, series: SeriesKey, *, by_time: bool, low: int, high: int, max_buckets: int
    ) -> tuple[int, list[Bucket]]:
        """Returns the width of the buckets, and the buckets that hold points."""

        def x(point: ModelPoint) -> int:
            return point.time if by_time else point.step

        key: Callable[[ModelPoint], tuple[object, ...]] = order_of
        if by_time:
            key = _time_order
        points = sorted((p for p in self.series[series] if low <= x(p) <= high), key=key)
        if len(points) <= max_buckets:
            return 0, [Bucket([point]) for point in points]
        shift = 0
        least, greatest = x(points[0]), x(points[-1])
        while (greatest >> shift) - (least >> shift) + 1 > max_buckets and shift < 63:
            shift += 1
        buckets: dict[int, Bucket] = {}
        for point in points:
            buckets.setdefault(x(point) >> shift, Bucket([])).points.append(point)
        return 1 << shift, list(buckets.values())


def _time_order(point: ModelPoint) -> tuple[object, ...]:
    return (point.time, point.step, *_value_order(point.value_bits))
