"""How fast a folder takes in and gives back one object, beside what the machine can do.

    python benchmarks/object_store.py [--mib 1024] [--rounds 3] [--folder DIR]

Each round measures: the same bytes written and fsynced plainly, SHA-256 alone, an upload in chunks
of 1 MiB from its opening until it is committed, and a download. The ratio is to the slower of the
two references of the same round. Upload and plain write take turns in going first, because a
virtual disk or fresh memory may favour either. The folder must not be in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runstream_server.objects.checksums import crc32c
from runstream_server.objects.folder import FolderStore
from runstream_server.objects.paths import Location

CHUNK_BYTES = 1 << 20
BASE = f"0/{'0' * 32}/artifacts"
LOCATION = Location(base=BASE, path="model/weights.bin")


@dataclass
class Round:
    written_fsynced: float
    sha256: float
    upload: float
    download: float
    longest_loop_stall_ms: float

    @property
    def upload_ratio(self) -> float:
        return self.upload / min(self.written_fsynced, self.sha256)


def mb_per_s(size_bytes: int, seconds: float) -> float:
    return size_bytes / seconds / 1e6


def timed(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def write_and_fsync(path: Path, chunks: list[bytes]) -> None:
    with path.open("wb", buffering=0) as file:
        for chunk in chunks:
            file.write(chunk)
        os.fsync(file.fileno())


def hash_all(chunks: list[bytes]) -> None:
    sha256 = hashlib.sha256()
    for chunk in chunks:
        sha256.update(chunk)


async def watch_loop(stalls_s: list[float]) -> None:
    """Notes how late the event loop wakes this up: what other clients would wait for."""
    while True:
        begin = time.perf_counter()
        await asyncio.sleep(0.001)
        stalls_s.append(time.perf_counter() - begin - 0.001)


async def upload(store: FolderStore, chunks: list[bytes], crcs: list[int], upload_id: str) -> None:
    async with await store.open_upload(upload_id, LOCATION) as handle:
        for chunk, crc in zip(chunks, crcs, strict=True):
            await handle.append(chunk, crc32c=crc)
        await handle.digest()
        await handle.commit()
    await store.discard_upload(upload_id)


async def download(store: FolderStore) -> int:
    size_bytes = 0
    async with await store.open_read(LOCATION) as reader:
        async for chunk in reader:
            size_bytes += len(chunk)
    return size_bytes


async def measure(root: Path, chunks: list[bytes], crcs: list[int], number: int) -> Round:
    size_bytes = sum(map(len, chunks))
    sha256_s = timed(lambda: hash_all(chunks))
    if number % 2:
        stored = await store_and_load(root, chunks, crcs, number)
        plain_s = plain_write(root, chunks)
    else:
        plain_s = plain_write(root, chunks)
        stored = await store_and_load(root, chunks, crcs, number)
    upload_s, download_s, stall_s = stored
    return Round(
        mb_per_s(size_bytes, plain_s),
        mb_per_s(size_bytes, sha256_s),
        mb_per_s(size_bytes, upload_s),
        mb_per_s(size_bytes, download_s),
        stall_s * 1e3,
    )


def plain_write(root: Path, chunks: list[bytes]) -> float:
    os.sync()
    seconds = timed(lambda: write_and_fsync(root / "plain", chunks))
    (root / "plain").unlink()
    return seconds


async def store_and_load(
    root: Path, chunks: list[bytes], crcs: list[int], number: int
) -> tuple[float, float, float]:
    os.sync()
    async with FolderStore(root / "store") as store:
        stalls_s: list[float] = []
        watching = asyncio.create_task(watch_loop(stalls_s))
        begin = time.perf_counter()
        await upload(store, chunks, crcs, f"{number:032x}")
        upload_s = time.perf_counter() - begin
        begin = time.perf_counter()
        assert await download(store) == sum(map(len, chunks))
        download_s = time.perf_counter() - begin
        watching.cancel()
        await asyncio.wait([watching])
        await store.delete(LOCATION)
    return upload_s, download_s, max(stalls_s)


async def small_objects(root: Path, count: int) -> float:
    async with FolderStore(root / "small") as store:
        begin = time.perf_counter()
        for number in range(count):
            upload_id = f"{number:032x}"
            location = Location(base=BASE, path=f"f/{number}")
            async with await store.open_upload(upload_id, location) as handle:
                await handle.append(b"x" * 1000)
                await handle.commit()
            await store.discard_upload(upload_id)
        return (time.perf_counter() - begin) / count * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path.cwd())
    options = parser.parse_args()
    block = os.urandom(8 * CHUNK_BYTES)
    some = [block[i : i + CHUNK_BYTES] for i in range(0, len(block), CHUNK_BYTES)]
    chunks = [some[i % len(some)] for i in range(options.mib)]
    crcs = [crc32c(chunk) for chunk in chunks]

    print(f"{options.mib} MiB in chunks of 1 MiB; MB/s")
    rounds: list[Round] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for number in range(options.rounds):
            one = asyncio.run(measure(Path(folder), chunks, crcs, number))
            rounds.append(one)
            print(
                f"  written+fsynced {one.written_fsynced:6.0f}  sha256 {one.sha256:6.0f}  "
                f"upload {one.upload:6.0f} = {one.upload_ratio:4.0%} of the slower  "
                f"download {one.download:6.0f}  loop late by at most "
                f"{one.longest_loop_stall_ms:.1f} ms",
                flush=True,
            )
        small_ms = asyncio.run(small_objects(Path(folder), 200))
    ratio = statistics.median(one.upload_ratio for one in rounds)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  median ratio {ratio:.0%}; 1 kB objects {small_ms:.1f} ms each, one after the other")
    print(f"  peak memory of the process {peak_mib:.0f} MiB")


if __name__ == "__main__":
    main()
