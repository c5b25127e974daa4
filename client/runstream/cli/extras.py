"""Commands that come with another part of the distribution, as entry points.

An entry point of the group `runstream.commands` is a function that takes the command's own
`argparse.ArgumentParser`, adds description and flags to it, and returns the function that carries
the command out: that takes the parsed arguments and returns the exit code.
"""

import argparse
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from runstream.cli.exits import ExitCode

__all__ = ["EXTRA_COMMANDS", "Command", "complete"]

Command = Callable[[argparse.Namespace], int]

GROUP: Final = "runstream.commands"
EXTRA_COMMANDS: Final = {
    "server": "serve experiments, runs, metrics and artifacts",
    "db": "look after the database of a server",
}
_OWN_PACKAGES: Final = frozenset({"runstream", "runstream_server"})


def complete(name: str, parser: argparse.ArgumentParser) -> Command:
    """Adds description and flags to the parser of a command; returns what carries it out.

    Where its parts are not installed, that says so and what to install.
    """
    point = next((each for each in entry_points(group=GROUP) if each.name == name), None)
    if point is None:
        return _missing(parser, name, "")
    try:
        command = _loaded(point)(parser)
    except ModuleNotFoundError as error:
        return _missing(parser, name, _missing_name(error))
    return _told_what_is_missing(parser, name, command)


def _loaded(point: EntryPoint) -> Callable[[argparse.ArgumentParser], Command]:
    made: Callable[[argparse.ArgumentParser], Command] = point.load()
    return made


def _told_what_is_missing(parser: argparse.ArgumentParser, name: str, command: Command) -> Command:
    def run(arguments: argparse.Namespace) -> int:
        try:
            return command(arguments)
        except ModuleNotFoundError as error:
            return _missing(parser, name, _missing_name(error))(arguments)

    return run


def _missing_name(error: ModuleNotFoundError) -> str:
    package = (error.name or "").partition(".")[0]
    if package in _OWN_PACKAGES:
        raise error  # a defect, not an installation that lacks something
    return package


def _missing(parser: argparse.ArgumentParser, name: str, package: str) -> Command:
    because = f" ({package} is missing)" if package else ""

    def tell(_: argparse.Namespace) -> int:
        sys.stderr.write(
            f"runstream: error: `runstream {name}` is not installed{because}: "
            "pip install 'runstream[server]'\n"
        )
        return ExitCode.FAILED

    # Flags that are not known here are no reason to say something else.
    parser.add_argument("flags", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return tell
