"""Checks that proto/ breaks no client of the last release, or of main while nothing is released.

Without such a baseline (no clone with history, or no proto in it) there is nothing to break, and
the check passes.
"""

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    baseline = find_baseline()
    if baseline is None:
        print("proto: no earlier version to compare with")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        archive = git("archive", "--format=tar", baseline, "proto")
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
            tar.extractall(folder, filter="data")
        buf = Path(sys.executable).parent / "buf"
        against = Path(folder) / "proto"
        command = [f"{buf}", "breaking", f"{ROOT / 'proto'}", "--against", f"{against}"]
        return subprocess.run(command, check=False).returncode


def find_baseline() -> str | None:
    """Returns the newest release tag below HEAD, else main; None where neither has a proto file."""
    tag = git("describe", "--tags", "--abbrev=0", "--match=v*").stdout.decode().strip()
    for revision in filter(None, (tag, "origin/main", "main")):
        if git("ls-tree", "-r", "--name-only", revision, "proto/runstream").stdout:
            return revision
    return None


def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=False, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
