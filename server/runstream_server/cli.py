"""The commands `runstream server` and `runstream db`.

The client's `runstream` finds commands as entry points of the group `runstream.commands`. Each is a
function that takes the command's own `argparse.ArgumentParser`, adds description and flags to it,
and returns the function that carries the command out: that takes the parsed arguments and returns
the exit code. Whatever is slow to import is imported there, so that `--help` is not slow.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

from runstream_server.exits import ExitCode, StartRefused
from runstream_server.flags import (
    DATABASE_FLAGS,
    SERVER_FLAGS,
    add_flags,
    add_mlflow_spellings,
    given_flags,
)

__all__ = ["Command", "db_command", "main", "server_command"]

Command: TypeAlias = Callable[[argparse.Namespace], int]

SERVER_DESCRIPTION = """\
Serves experiments, runs, metrics and artifacts: gRPC for clients, HTTP for probes and Prometheus.

Without arguments everything lies in ./runstream-data: a SQLite database and a folder of artifacts.
The first line on stdout is `runstream serving grpc=HOST:PORT http=HOST:PORT`, once both serve; logs
go to stderr. SIGTERM or Ctrl-C stops the server in order, a second one at once."""

ENVIRONMENT_NOTE = """\
Each flag can be given as an environment variable too: --data-dir as RUNSTREAM_DATA_DIR, --port as
RUNSTREAM_PORT. A flag goes before its variable."""


def server_command(parser: argparse.ArgumentParser) -> Command:
    """Makes `parser` that of `runstream server`; returns what runs it."""
    parser.description = SERVER_DESCRIPTION
    parser.epilog = f"{ENVIRONMENT_NOTE}\n\n{_exit_codes()}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_flags(parser, SERVER_FLAGS)
    add_mlflow_spellings(parser)
    return _refusals_told(parser.prog, _serve)


def db_command(parser: argparse.ArgumentParser) -> Command:
    """Makes `parser` that of `runstream db`; returns what runs it."""
    parser.description = "Looks after the database of a server."
    parser.epilog = f"{ENVIRONMENT_NOTE}\n\n{_exit_codes()}"
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("upgrade", "bring the schema to this program's version; stop the server, back up first"),
        ("version", "print the schema's version and this program's"),
    ):
        add_flags(actions.add_parser(name, help=text, description=text), DATABASE_FLAGS)
    return _refusals_told(parser.prog, _tend_database)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `python -m runstream_server`, which has the commands of this module alone."""
    parser = argparse.ArgumentParser(prog="runstream", description="The runstream server.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    server = commands.add_parser("server", help="serve experiments, runs, metrics and artifacts")
    server.set_defaults(run=server_command(server))
    database = commands.add_parser("db", help="look after the database of a server")
    database.set_defaults(run=db_command(database))
    parsed = parser.parse_args(arguments)
    run: Command = parsed.run
    return run(parsed)


def _serve(arguments: argparse.Namespace) -> int:
    from runstream_server.settings import load_settings

    settings = load_settings(given_flags(arguments, SERVER_FLAGS))
    # Imported late: it takes most of a second, which nobody should wait for a bad flag.
    from runstream_server.lifecycle import run_server

    return run_server(settings)


def _tend_database(arguments: argparse.Namespace) -> int:
    from runstream_server.settings import load_settings

    settings = load_settings(given_flags(arguments, DATABASE_FLAGS))
    from runstream_server import database_commands

    if arguments.action == "upgrade":
        return database_commands.upgrade(settings)
    return database_commands.show_version(settings)


def _refusals_told(program: str, command: Command) -> Command:
    def run(arguments: argparse.Namespace) -> int:
        try:
            return command(arguments)
        except StartRefused as refusal:
            print(f"{program}: error: {refusal}", file=sys.stderr)
            return refusal.code

    return run


def _exit_codes() -> str:
    lines = (f"  {code.value:>3}  {code.meaning}" for code in ExitCode)
    return "exit codes:\n" + "\n".join(lines)
