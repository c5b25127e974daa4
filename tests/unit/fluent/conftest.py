"""Runs in this process go to a spool of the test's own, without a server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstream._fluent.session import session

LAUNCHERS = ("RANK", "WORLD_SIZE", "LOCAL_", "MASTER_", "SLURM_", "OMPI_", "PMIX_", "TORCHELASTIC_")


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in list(os.environ):
        if name.startswith(("RUNSTREAM_", *LAUNCHERS)):
            monkeypatch.delenv(name)
    folder = tmp_path / "spool"
    monkeypatch.setenv("RUNSTREAM_TRACKING_URI", f"file:{folder}")
    yield folder
    for run in session.open_runs():
        run.finish(timeout_s=0)
    session.tracking_uri = None
    session.experiment = ""
