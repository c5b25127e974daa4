"""An AsyncClient that is called as a Client is, so that one suite of tests serves both."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Self

from runstream import AsyncClient


class BlockingClient:
    """Runs an AsyncClient in an event loop of its own."""

    def __init__(self, uri: str, **options: float) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._client = self._wait(self._make(uri, options))

    async def _make(self, uri: str, options: dict[str, float]) -> AsyncClient:
        return AsyncClient(uri, **options)

    def close(self) -> None:
        self._wait(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*args: object, **kwargs: object) -> object:
            result = method(*args, **kwargs)
            return self._items(result) if hasattr(result, "__anext__") else self._wait(result)

        return call

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - any call's
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(120)

    def _items(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        async def following() -> tuple[bool, Any]:
            try:
                return True, await anext(items)
            except StopAsyncIteration:
                return False, None

        async def close() -> None:
            await items.aclose()  # type: ignore[attr-defined]  # they are all generators

        try:
            while (found := self._wait(following()))[0]:
                yield found[1]
        finally:
            self._wait(close())
