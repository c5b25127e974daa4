"""Measures what the promises with a number say: `make bench`.

Every figure stands beside a reference that was measured in the same run.
"""

import argparse
import sys
from collections.abc import Callable

from benchmarks.artifacts import artifacts
from benchmarks.ingest import ingest, row_per_point
from benchmarks.latency import latency
from benchmarks.log_cost import log_cost
from benchmarks.mlflow_rest import mlflow_rest
from benchmarks.postgres import postgres
from benchmarks.reads import reads
from benchmarks.report import Figure, machine, show
from benchmarks.s3 import s3
from benchmarks.web_ui import web_ui

MILLION = 1_000_000


def ingest_figures(points: int) -> list[Figure]:
    """Measures ingest with few and with many metrics a row."""
    reference = row_per_point()
    return [*ingest(points, 10, reference), *ingest(points, 1000, reference)]


def main() -> None:
    """Runs the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="which of them; all unless named")
    parser.add_argument("--points", type=int, default=20, help="million points to ingest")
    arguments = parser.parse_args()
    benchmarks: dict[str, Callable[[], list[Figure]]] = {
        "log": log_cost,
        "ingest": lambda: ingest_figures(arguments.points * MILLION),
        "latency": latency,
        "reads": reads,
        "artifacts": artifacts,
        "postgres": lambda: postgres(arguments.points * MILLION),
        "s3": s3,
        "mlflow": mlflow_rest,
        "web": web_ui,
    }
    sys.stdout.write(f"{machine()}\n\n")
    for name in arguments.names or benchmarks:
        show(benchmarks[name]())


if __name__ == "__main__":
    main()
