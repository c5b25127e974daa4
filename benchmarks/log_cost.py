"""Measures what `log()` costs a training process.

Prints, for rows of 1, 10, 100 and 1 000 metrics, the median time of a row and of a point, and its
ratio to a bare `os.write` of the same bytes: what the operating system asks for in any case.

    python -m benchmarks.log_cost [--seconds 3] [--directory DIR] [--json]
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import Figure
from runstream._spool import SpoolWriter

WIDTHS = (1, 10, 100, 1_000)
REACH_NS = {10: 3_000, 1_000: 60_000}
"""What a row must not exceed, by its number of metrics."""
SEGMENT_BYTES = 1 << 34


def measured(width: int, seconds: float, directory: Path) -> dict[str, float]:
    keys = [f"train/layer{i // 10}/metric{i}" for i in range(width)]
    rows = [{key: random.random() for key in keys} for _ in range(16)]
    repeats = max(10, 100 - width)
    writer = SpoolWriter.create(directory, run_id="0" * 32, segment_bytes=SEGMENT_BYTES)
    bare = os.open(directory / "bare", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    record = random.randbytes(32 + 8 * width)

    def log() -> None:
        for step in range(repeats):
            writer.log(rows[step & 15], step)

    def write() -> None:
        for _ in range(repeats):
            os.write(bare, record)

    logs: list[float] = []
    writes: list[float] = []
    log()
    end = time.monotonic() + seconds
    # In turns, because the machine's speed changes from moment to moment; and in turns shorter than
    # a time slice, so that the median is one that no other program has interrupted.
    while time.monotonic() < end or len(logs) < 5:
        logs.append(timed(log) / repeats)
        writes.append(timed(write) / repeats)
    writer.close()
    os.close(bare)
    return {
        "metrics": width,
        "ns_per_row": statistics.median(logs),
        "best_ns_per_row": min(logs),
        "ns_per_point": statistics.median(logs) / width,
        "bare_write_ns": statistics.median(writes),
        "ratio": statistics.median(a / b for a, b in zip(logs, writes, strict=True)),
    }


def log_cost(seconds: float = 3.0) -> list[Figure]:
    """Measures rows of 10 and of 1 000 metrics."""
    figures: list[Figure] = []
    for width in (10, 1_000):
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
            result = measured(width, seconds, Path(directory))
        point, best = result["ns_per_point"] / 1000, result["best_ns_per_row"] / 1000
        detail = f"{point:.3f} µs a point; best {best:.1f} µs"
        name = f"log() of {width} metrics"
        took, bare = result["ns_per_row"] / 1000, result["bare_write_ns"] / 1000
        figures.append(Figure(name, took, "µs", bare, "bare write() in µs", detail))
    return figures


def timed(work: Callable[[], None]) -> int:
    begin = time.perf_counter_ns()
    work()
    return time.perf_counter_ns() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what log() costs.")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each width")
    parser.add_argument("--directory", type=Path, help="where to spool; default: a temporary one")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    results: list[dict[str, float]] = []
    for width in WIDTHS:
        with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
            results.append(measured(width, arguments.seconds, Path(directory)))
    if arguments.json:
        print(json.dumps(results))
        return
    print("metrics   ns/row   (best)  ns/point   write   ratio")
    for result in results:
        limit = REACH_NS.get(int(result["metrics"]))
        verdict = ""
        if limit is not None:
            verdict = f"  limit {limit}: {'met' if result['ns_per_row'] <= limit else 'MISSED'}"
        print(
            f"{result['metrics']:7.0f} {result['ns_per_row']:8.0f} {result['best_ns_per_row']:8.0f}"
            f" {result['ns_per_point']:9.1f} {result['bare_write_ns']:7.0f}"
            f" {result['ratio']:6.2f}x{verdict}"
        )


if __name__ == "__main__":
    main()
