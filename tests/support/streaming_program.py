"""A job that does what its standard input says: one JSON object a line, answered by one line.

| line | what |
| --- | --- |
| {"log": {"loss": 0.5}, "step": 3} | logs metrics |
| {"stream": ["loss"], "per_second": 20} | logs these metrics from now on, by itself |
| {"params": {…}}, {"tags": {…}} | logs params, tags |
| {"text": "…", "path": "logs/a.txt"} | logs a text as artifact |
| {"file": "/tmp/x", "folder": "in"} | logs a file |
| {"finish": "FAILED"} | ends the run, once everything is delivered |

The first line that it prints is the run's id. The end of its input ends it, without ending the run.
"""

import argparse
import json
import math
import os
import sys
import threading
import time
from typing import Any

import runstream
from runstream import ActiveRun


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--experiment", default="streams")
    parser.add_argument("--name", default="")
    parser.add_argument("--parent", default="")
    options = parser.parse_args()
    runstream.set_experiment(options.experiment)
    run = runstream.start_run(
        run_name=options.name or None, parent_run_id=options.parent or None, rank=None
    )
    answer(run.run_id)
    ending = threading.Event()
    for line in sys.stdin:
        obey(run, json.loads(line), ending)
        answer("done")
    # What ends without a word has died, as far as the server can tell.
    os._exit(1)


def obey(run: ActiveRun, order: dict[str, Any], ending: threading.Event) -> None:
    """Does what one line says."""
    if "log" in order:
        run.log(order["log"], step=order.get("step"))
    elif "stream" in order:
        rate: float = order["per_second"]
        threading.Thread(
            target=stream, args=(run, order["stream"], 1 / rate, ending), daemon=True
        ).start()
    elif "params" in order:
        run.log_params(order["params"])
    elif "tags" in order:
        run.set_tags(order["tags"])
    elif "text" in order:
        run.log_text(order["text"], order["path"])
    elif "file" in order:
        run.log_artifact(order["file"], order.get("folder"))
    elif "finish" in order:
        ending.set()
        if not run.finish(order["finish"]):
            raise SystemExit("not everything was delivered")


def stream(run: ActiveRun, keys: list[str], interval_s: float, ending: threading.Event) -> None:
    """Logs curves that fall, with some noise, until the run ends."""
    step = 0
    due = time.monotonic()
    while not ending.wait(max(0.0, due - time.monotonic())):
        noise = math.sin(step * 12.9898) * 0.05
        run.log({key: math.exp(-step / 400) + noise + at for at, key in enumerate(keys)}, step=step)
        step += 1
        due += interval_s


def answer(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
