"""Of several calls for one upload the latest goes on; the earlier hear of it at once."""

from collections.abc import Generator
from contextlib import contextmanager

from runstream_server.core.artifacts.failures import upload_moved
from runstream_server.core.errors import Failure
from runstream_server.core.stopping import Stopping

__all__ = ["LiveCalls", "Takeover"]


class Takeover(Stopping):
    """Begins when a later call takes an upload over, and interrupts the one that waits."""

    def __init__(self, upload_id: str) -> None:
        super().__init__()
        self._upload_id = upload_id

    def failure(self) -> Failure:
        return upload_moved(self._upload_id)


class LiveCalls:
    """Knows the latest call of each upload that one is under way for."""

    def __init__(self) -> None:
        self._latest: dict[str, Takeover] = {}

    @contextmanager
    def joined(self, upload_id: str) -> Generator[Takeover]:
        """Makes the caller the latest call, and so ends the one before."""
        before = self._latest.get(upload_id)
        mine = self._latest[upload_id] = Takeover(upload_id)
        if before is not None:
            before.begin()
        try:
            yield mine
        finally:
            if self._latest.get(upload_id) is mine:
                del self._latest[upload_id]
