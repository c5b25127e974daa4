"""A process that logs until it is killed, and says after each `log()` that it returned.

Arguments: the spool, and the size of a segment.
"""

import os
import sys
from pathlib import Path

from runstream._spool import SpoolWriter

if __name__ == "__main__":
    writer = SpoolWriter.create(Path(sys.argv[1]), run_id="a" * 32, segment_bytes=int(sys.argv[2]))
    i = 0
    while True:
        if i % 3 == 0:
            writer.log({"x": i, **{f"m{n}": n for n in range(i % 50)}})
        else:
            writer.log({"x": i})
        os.write(1, b"%d\n" % i)
        i += 1
