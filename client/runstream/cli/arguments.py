"""Flags that several commands have."""

import argparse
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from runstream.client import Client

__all__ = [
    "Commands",
    "add_json",
    "add_server",
    "add_view",
    "client_for",
    "positive_int",
    "view_of",
]

_VIEWS = {"active": "ACTIVE_ONLY", "deleted": "DELETED_ONLY", "all": "ALL"}


class Commands(Protocol):
    """What parsers of commands are added to: the action that argparse makes for it."""

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser:  # noqa: ANN401 - argparse's
        """Adds the parser of a command."""
        ...


def add_server(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a command that asks a server."""
    parser.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="the server, grpc://host:port (default: RUNSTREAM_TRACKING_URI, "
        "else grpc://127.0.0.1:50051)",
    )
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_view(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a search: `view_of` and `max_results` read them."""
    parser.add_argument(
        "--view", choices=list(_VIEWS), default="active", help="default: %(default)s"
    )
    parser.add_argument(
        "--max-results", type=positive_int, default=100, metavar="N", help="default: %(default)s"
    )


def view_of(arguments: argparse.Namespace) -> str:
    """Returns the view type that `--view` asks for."""
    return _VIEWS[arguments.view]


def client_for(arguments: argparse.Namespace) -> "Client":
    """Returns a client of the server that the arguments name."""
    from runstream.client import Client  # `--help` does without gRPC

    return Client(arguments.tracking_uri)


def positive_int(text: str) -> int:
    """Reads a number from 1 on, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number
