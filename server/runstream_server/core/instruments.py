"""What the server counts and measures, in the form that Prometheus reads at `/metrics`.

Names begin with `runstream_` and end in their unit. A part with more to tell takes `registry` in
its constructor and makes its own metrics there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Metric,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

__all__ = ["CommitInstruments", "HttpInstruments", "Instruments", "RpcInstruments"]

RPC_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
COMMIT_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
SIZE_BUCKETS = tuple(10.0**exponent for exponent in range(8))


class Instruments:
    """The registry of one server, with what describes the process."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        build = Gauge(
            "runstream_build_info", "Is 1, with the version.", ["version"], registry=self.registry
        )
        build.labels(version).set(1)
        self.rpc = RpcInstruments(self.registry)
        self.http = HttpInstruments(self.registry)
        self.commits = CommitInstruments(self.registry)

    def gauge(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """Adds a number that goes up and down, and is read when Prometheus asks."""
        Gauge(name, documentation, registry=self.registry).set_function(read)

    def counter(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """Adds a number that only grows, and is read when Prometheus asks."""
        self.registry.register(_Reading(name, documentation, read))


class _Reading(Collector):
    """A counter that is kept elsewhere."""

    def __init__(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        self._name = name
        self._documentation = documentation
        self._read = read

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(self._name, self._documentation, value=self._read())


@dataclass(slots=True, frozen=True, kw_only=True)
class MethodInstruments:
    """The metrics of one gRPC method, looked up once."""

    in_flight: Gauge
    seconds: Histogram
    received_bytes: Counter
    sent_bytes: Counter


class RpcInstruments:
    """gRPC requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "runstream_rpc_requests",
            "Finished RPCs by method and status code.",
            ["method", "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            "runstream_rpc_seconds",
            "How long RPCs took; a stream counts when it ends.",
            ["method"],
            buckets=RPC_BUCKETS_S,
            registry=registry,
        )
        self._in_flight = Gauge(
            "runstream_rpc_in_flight", "RPCs under way.", ["method"], registry=registry
        )
        self._bytes = Counter(
            "runstream_rpc_message_bytes",
            "Size of messages, without framing and compression.",
            ["method", "direction"],
            registry=registry,
        )
        self._methods: dict[str, MethodInstruments] = {}

    def method(self, name: str) -> MethodInstruments:
        """Returns the metrics of a method that the server has."""
        found = self._methods.get(name)
        if found is None:
            found = self._methods[name] = MethodInstruments(
                in_flight=self._in_flight.labels(name),
                seconds=self._seconds.labels(name),
                received_bytes=self._bytes.labels(name, "received"),
                sent_bytes=self._bytes.labels(name, "sent"),
            )
        return found

    def finished(self, method: str, code: str) -> None:
        """Counts an RPC that ended with a status."""
        self._requests.labels(method, code).inc()


class HttpInstruments:
    """HTTP requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "runstream_http_requests",
            "Finished HTTP requests by method and status.",
            ["method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "runstream_http_seconds",
            "How long HTTP requests took.",
            buckets=RPC_BUCKETS_S,
            registry=registry,
        )

    def finished(self, method: str, status: int, seconds: float) -> None:
        """Counts a request that was answered with a status."""
        self._requests.labels(method, str(status)).inc()
        self._seconds.observe(seconds)


class Commit(Protocol):
    """What is told of a commit; see core.ingest.commit.CommitResult."""

    rows: int
    points: int
    bytes: dict[str, int]


class CommitInstruments:
    """Group commits of metric rows: hears of each after it is durable."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "runstream_commit_seconds",
            "How long commits of metric rows took.",
            buckets=COMMIT_BUCKETS_S,
            registry=registry,
        )
        self._sizes = Histogram(
            "runstream_commit_points",
            "How many points a commit held.",
            buckets=SIZE_BUCKETS,
            registry=registry,
        )
        self._runs = Histogram(
            "runstream_commit_runs",
            "How many runs a commit touched.",
            buckets=SIZE_BUCKETS[:4],
            registry=registry,
        )
        self._rows = Counter("runstream_committed_rows", "Durable rows.", registry=registry)
        self._points = Counter("runstream_committed_points", "Durable points.", registry=registry)
        self._bytes = Counter(
            "runstream_committed_bytes", "Size of the log's durable batches.", registry=registry
        )

    def committed(self, result: Commit, seconds: float) -> None:
        """Takes note of a commit that took `seconds`."""
        self._seconds.observe(seconds)
        self._sizes.observe(result.points)
        self._runs.observe(len(result.bytes))
        self._rows.inc(result.rows)
        self._points.inc(result.points)
        self._bytes.inc(sum(result.bytes.values()))
