"""The server behind a tracking URI, asked in the contract's own messages."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Final, TypeVar

from google.protobuf.message import Message

from runstream._client.calls import Unary
from runstream.client import Client
from runstream.mlflow.failures import in_mlflows_words
from runstream.v1 import server_service_pb2

__all__ = ["Connection"]

A = TypeVar("A", bound=Message)
T = TypeVar("T")

MAX_PAGE_SIZE: Final = 10_000


class Connection:
    """Makes calls, with the client's deadlines and repetitions, and MLflow's errors.

    Attributes:
        uri: The server's tracking URI.
        client: The client.
    """

    def __init__(self, uri: str) -> None:
        with in_mlflows_words():
            self.client = Client(uri)
        self.uri = self.client.uri

    @cached_property
    def artifact_root(self) -> str:
        """Where the server's own artifact store is, as URI."""
        request = server_service_pb2.GetServerInfoRequest()
        answer = self.call(
            "ServerService/GetServerInfo", request, server_service_pb2.GetServerInfoResponse
        )
        return answer.artifact_root

    def call(self, method: str, request: Message, answer: type[A], *, repeatable: bool = True) -> A:
        """Makes a call and returns the answer.

        Args:
            method: Service and method: `RunService/GetRun`.
            request: The request.
            answer: The type of the answer.
            repeatable: Whether a repetition after a lost answer does no harm.

        Raises:
            MlflowException: whatever went wrong.
        """

        def unchanged(message: A) -> A:
            return message

        with in_mlflows_words():
            return self.client.execute_unary(
                Unary(
                    method=f"/runstream.v1.{method}",
                    request=request,
                    answer=answer,
                    convert=unchanged,
                    repeatable=repeatable,
                )
            )

    def page(
        self, ask: Callable[[int, str], tuple[list[T], str]], max_results: int, token: str | None
    ) -> tuple[list[T], str | None]:
        """Returns as many results as wanted, over as many calls as the server needs.

        Args:
            ask: Asks for a page of at most so many results, from a token on; returns both.
            max_results: How many at most.
            token: Where to begin; None is the beginning.
        """
        found: list[T] = []
        following = token or ""
        while True:
            wanted = min(max_results - len(found), MAX_PAGE_SIZE)
            some, following = ask(wanted, following)
            found += some
            if not following or len(found) >= max_results:
                return found, following or None

    def every(self, ask: Callable[[str], tuple[list[T], str]]) -> Iterator[T]:
        """Yields the results of all pages."""
        token = ""
        while True:
            some, token = ask(token)
            yield from some
            if not token:
                return
