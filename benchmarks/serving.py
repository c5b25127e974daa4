"""A real server process for benchmarks, and a look at what it has stored."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import grpc

__all__ = ["BenchServer", "serving", "serving_folder"]

POLL_S = 0.02
OPTIONS = [("grpc.max_receive_message_length", 64 << 20)]


@dataclass(slots=True)
class BenchServer:
    """A running server.

    Attributes:
        process: Its process.
        address: Where gRPC is served.
        http_address: Where HTTP is.
        data_dir: Its folder.
        database: The URI of its PostgreSQL, empty for SQLite.
    """

    process: "subprocess.Popen[str]"
    address: str
    http_address: str
    data_dir: Path
    database: str = ""

    @property
    def uri(self) -> str:
        return f"grpc://{self.address}"

    def channel(self) -> grpc.Channel:
        """Returns a new channel."""
        return grpc.insecure_channel(self.address, options=OPTIONS)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Looks into the database."""
        if self.database:
            return asyncio.run(_query(self.database, sql))
        uri = f"file:{self.data_dir / 'runstream.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def wait_until_sealed(self, timeout_s: float = 120) -> float:
        """Waits until no log is unsealed; returns how many seconds that took."""
        began = time.perf_counter()
        while self.query("select 1 from log_heads where sealed_position < next_position limit 1"):
            if time.perf_counter() - began > timeout_s:
                raise TimeoutError("the server does not get to the end of sealing")
            time.sleep(POLL_S)
        return time.perf_counter() - began

    def cpu_seconds(self) -> float:
        """Returns the processor time that the server process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        """Returns the greatest size that the server process has had in memory."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        return 0.0


async def _query(uri: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(uri)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


@contextlib.contextmanager
def serving(**flags: object) -> Iterator[BenchServer]:
    """Starts a server on free ports and an empty folder on disk; both are gone afterwards."""
    data_dir = Path(tempfile.mkdtemp(prefix="runstream-bench-", dir=Path.cwd()))
    try:
        with serving_folder(data_dir, **flags) as server:
            yield server
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


@contextlib.contextmanager
def serving_folder(data_dir: Path, **flags: object) -> Iterator[BenchServer]:
    """Starts a server on free ports and a folder that stays."""
    command = [sys.executable, "-m", "runstream_server", "server", "--port", "0"]
    command += ["--grpc-port", "0", "--data-dir", str(data_dir), "--log-level", "warning"]
    for name, value in flags.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("runstream serving"):
            raise RuntimeError(f"the server did not start: {line!r}")
        addresses = dict(part.split("=", 1) for part in line.split()[2:])
        database = str(flags.get("backend_store_uri", ""))
        yield BenchServer(process, addresses["grpc"], addresses["http"], data_dir, database)
    finally:
        process.terminate()
        process.wait(60)
