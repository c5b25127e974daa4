"""Metric histories in MLflow's order, a page at a time."""

from typing import Final

from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.store.entities.paged_list import PagedList

from runstream.mlflow.connection import Connection
from runstream.mlflow.convert import US_PER_MS, finite
from runstream.mlflow.failures import in_mlflows_words

__all__ = ["Histories"]

MAX_TOKEN_DIGITS: Final = 18

_Point = tuple[int, int, float]
"""Milliseconds since the epoch, step and value."""


class Histories:
    """Reads histories of a server.

    MLflow asks for a long history page by page, so the one that was read last is kept until its
    last page: it is read once, and all pages are of one state of it.
    """

    def __init__(self, server: Connection) -> None:
        self._server = server
        self._kept: tuple[tuple[str, str], list[_Point]] | None = None

    def page(
        self, run_id: str, key: str, max_results: int | None, page_token: str | None
    ) -> PagedList[Metric]:
        """Returns points by (time, step, value): all, or at most `max_results` from a token on.

        They are those of the rank-less series, else of the lowest rank's.

        Raises:
            MlflowException: there is no such run, or the token is none of this store's.
        """
        begin = _begin(page_token)
        kept = self._kept
        if begin and kept is not None and kept[0] == (run_id, key):
            points = kept[1]
        else:
            points = self._read(run_id, key)
        end = len(points) if max_results is None else begin + max_results
        more = end < len(points)
        self._kept = ((run_id, key), points) if more else None
        return PagedList(
            [
                Metric(key, finite(value), time_ms, step, run_id=run_id)
                for time_ms, step, value in points[begin:end]
            ],
            str(end) if more else None,
        )

    def _read(self, run_id: str, key: str) -> list[_Point]:
        with in_mlflows_words():
            history = self._server.client.history(run_id, [key])
        plain = [series for series in history if series.rank is None]
        lowest = min((series.rank for series in history if series.rank is not None), default=None)
        wanted = plain or [series for series in history if series.rank == lowest]
        points = [
            (time_us // US_PER_MS, step, value)
            for series in wanted
            for step, time_us, value in zip(
                map(int, history[series].step),
                map(int, history[series].time_us),
                map(float, history[series].value),
                strict=True,
            )
        ]
        points.sort(key=lambda point: (point[0], point[1], point[2] == point[2], point[2]))
        return points


def _begin(page_token: str | None) -> int:
    if not page_token:
        return 0
    if not (page_token.isascii() and page_token.isdecimal()) or len(page_token) > MAX_TOKEN_DIGITS:
        raise MlflowException(
            f"Invalid page token: {page_token[:100]!r}; use the one of the page before",
            error_code=INVALID_PARAMETER_VALUE,
        )
    return int(page_token)
