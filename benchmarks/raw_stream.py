"""What gRPC itself moves: chunks of bytes to a server in another process, and back, undecoded.

`python -m benchmarks.raw_stream` is that server; it ends with its standard input.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import grpc
import grpc.aio

__all__ = ["raw_streams"]

METHOD_UP = "/raw/Up"
METHOD_DOWN = "/raw/Down"
OPTIONS = [("grpc.max_receive_message_length", 4 << 20)]


async def raw_streams(chunks: list[bytes]) -> tuple[float, float]:
    """Returns how many seconds chunks take to a server, and as many back."""
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.raw_stream",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if server.stdin is None or server.stdout is None:
        raise RuntimeError("pipes were asked for")
    port = int(await server.stdout.readline())
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
            return await _up(channel, chunks), await _down(channel, chunks)
    finally:
        server.stdin.close()
        await server.wait()


async def _up(channel: grpc.aio.Channel, chunks: list[bytes]) -> float:
    async def requests() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    call = cast("Any", channel).stream_unary(METHOD_UP)
    began = time.perf_counter()
    answer = await call(requests())
    if int(answer) != sum(map(len, chunks)):
        raise RuntimeError(f"{answer} bytes arrived")
    return time.perf_counter() - began


async def _down(channel: grpc.aio.Channel, chunks: list[bytes]) -> float:
    call = cast("Any", channel).unary_stream(METHOD_DOWN)
    began = time.perf_counter()
    count = 0
    async for chunk in call(b"%d" % len(chunks)):
        count += len(chunk)
    if count != sum(map(len, chunks)):
        raise RuntimeError(f"{count} bytes arrived")
    return time.perf_counter() - began


async def _take(requests: AsyncIterator[bytes], _: object) -> bytes:
    count = 0
    async for chunk in requests:
        count += len(chunk)
    return b"%d" % count


async def _give(request: bytes, _: object) -> AsyncIterator[bytes]:
    chunk = bytes(1 << 20)
    for _number in range(int(request)):
        yield chunk


async def _serve() -> None:
    handlers: dict[str, Any] = {
        "Up": grpc.stream_unary_rpc_method_handler(_take),
        "Down": grpc.unary_stream_rpc_method_handler(_give),
    }
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("raw", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve())
