"""What the server and its sealing process say to each other: frames over pipes.

A frame is u32 count, u64 length of each item, then the items. The first item is a pickled
description (both ends are the same program and the pipe is private), the others are the bulk data
as it is, so that nothing large is pickled.
"""

import asyncio
import pickle
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO, Final

__all__ = ["read_frame", "read_frame_async", "write_frame", "write_frame_async"]

_COUNT: Final = struct.Struct("<I")


def _head(items: Sequence[bytes]) -> bytes:
    return _COUNT.pack(len(items)) + struct.pack(f"<{len(items)}Q", *map(len, items))


def write_frame(pipe: BinaryIO, description: object, items: Sequence[bytes]) -> None:
    """Writes a frame."""
    content = [pickle.dumps(description), *items]
    pipe.write(_head(content))
    pipe.writelines(content)
    pipe.flush()


def read_frame(pipe: BinaryIO) -> tuple[Any, list[bytes]]:
    """Reads a frame.

    Raises:
        EOFError: if the other end is gone.
    """
    (count,) = _COUNT.unpack(_exactly(pipe, _COUNT.size))
    lengths = struct.unpack(f"<{count}Q", _exactly(pipe, 8 * count))
    description, *items = (_exactly(pipe, length) for length in lengths)
    return pickle.loads(description), items  # noqa: S301 - see the module


def _exactly(pipe: BinaryIO, length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data


async def write_frame_async(
    pipe: asyncio.StreamWriter, description: object, items: Sequence[bytes]
) -> None:
    """Writes a frame, item by item, as fast as the other end reads."""
    content = [pickle.dumps(description), *items]
    pipe.write(_head(content))
    for item in content:
        pipe.write(item)
        await pipe.drain()


async def read_frame_async(pipe: asyncio.StreamReader) -> tuple[Any, list[bytes]]:
    """Reads a frame.

    Raises:
        asyncio.IncompleteReadError: if the other end is gone.
    """
    (count,) = _COUNT.unpack(await pipe.readexactly(_COUNT.size))
    lengths = struct.unpack(f"<{count}Q", await pipe.readexactly(8 * count))
    description, *items = [await pipe.readexactly(length) for length in lengths]
    return pickle.loads(description), items  # noqa: S301 - see the module
