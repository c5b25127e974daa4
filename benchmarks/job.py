"""A training process that does nothing but log: `python job.py URI ROWS METRICS`.

Writes one line of JSON: the wall-clock times of the first `log()`, of the last one's return, and of
the last ack.
"""

import json
import random
import struct
import sys
import time

import runstream

DIFFERENT_ROWS = 2048


def float32(value: float) -> float:
    """Returns the nearest value that a float32 can hold, as most metrics are."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def main(uri: str, rows: int, metrics: int) -> None:
    """Logs `rows` rows of `metrics` metrics and waits for their delivery."""
    runstream.set_tracking_uri(uri)
    chance = random.Random(1)
    count = max(16, min(DIFFERENT_ROWS, 2_000_000 // metrics))
    given = [
        {f"layer{i}/grad": float32(chance.gauss(0, 1)) for i in range(metrics)}
        for _ in range(count)
    ]
    run = runstream.start_run(run_name="benchmark")
    log = run.log
    first = time.time()
    for step in range(rows):
        log(given[step % count], step=step)
    last = time.time()
    runstream.end_run()
    delivered = time.time()
    sys.stdout.write(
        json.dumps({"run_id": run.run_id, "first": first, "last": last, "delivered": delivered})
        + "\n"
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
