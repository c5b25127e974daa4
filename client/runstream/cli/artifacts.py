"""`runstream artifacts`."""

import argparse
from typing import TYPE_CHECKING

from runstream.cli.arguments import Commands, add_server, client_for
from runstream.cli.exits import ExitCode
from runstream.cli.output import print_json, print_table, time_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runstream.client import Client
    from runstream.entities import Artifact

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser("artifacts", help="list and download the files of a run")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list", help="list files", description="Lists the files and folders in a folder of a run."
    )
    listing.add_argument("run_id")
    listing.add_argument("path", nargs="?", default="", help="default: the top")
    listing.add_argument("--recursive", action="store_true", help="list what is in folders too")
    add_server(listing)
    listing.set_defaults(run=list_artifacts)
    download = actions.add_parser(
        "download",
        help="download files",
        description="Downloads a file of a run, or a folder with all it holds. A file appears "
        "when it is whole and checked, or not at all.",
    )
    download.add_argument("run_id")
    download.add_argument("path", nargs="?", default="", help="default: everything")
    download.add_argument(
        "--output", default=".", metavar="DIR", help="folder that gets them, under their paths"
    )
    add_server(download)
    download.set_defaults(run=download_artifacts)


def list_artifacts(arguments: argparse.Namespace) -> int:
    """Lists files and folders."""
    with client_for(arguments) as client:
        walk = _all_below if arguments.recursive else _directly_below
        found = list(walk(client, arguments.run_id, arguments.path))
    if arguments.json:
        print_json(found)
    else:
        print_table(("PATH", "BYTES", "CHANGED"), map(_row, found))
    return ExitCode.OK


def download_artifacts(arguments: argparse.Namespace) -> int:
    """Downloads files."""
    with client_for(arguments) as client:
        paths = client.download_artifacts(arguments.run_id, arguments.path, arguments.output)
    if arguments.json:
        print_json([str(path) for path in paths])
    else:
        for path in paths:
            print(path)
    return ExitCode.OK


def _directly_below(client: "Client", run_id: str, path: str) -> "Iterator[Artifact]":
    return client.list_artifacts(run_id, path)


def _all_below(client: "Client", run_id: str, path: str) -> "Iterator[Artifact]":
    for found in client.list_artifacts(run_id, path):
        yield found
        if found.directory:
            yield from _all_below(client, run_id, found.path)


def _row(found: "Artifact") -> tuple[str, str, str]:
    if found.directory:
        return f"{found.path}/", "", ""
    return found.path, str(found.size_bytes), time_text(found.update_time)
