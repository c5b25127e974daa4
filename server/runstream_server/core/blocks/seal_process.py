"""The sealing process: reads jobs from standard input, writes results to standard output.

Compression holds Python's global lock for long; here it cannot delay a commit. Started as `python
-m runstream_server.core.blocks.seal_process`.
"""

import os
import signal
import sys

from runstream_server.core.blocks.frames import read_frame, write_frame
from runstream_server.core.blocks.jobs import run_job

__all__: list[str] = []


def main() -> None:
    """Works until its standard input ends."""
    # The server decides when this ends; a Ctrl-C in the terminal reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(5)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            job, items = read_frame(source)
        except EOFError:
            return
        result, out = run_job(job, items)
        write_frame(sink, result, out)


if __name__ == "__main__":
    main()
