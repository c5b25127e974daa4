"""Entry point of the command `runstream`."""

import argparse
import os
import sys
from collections.abc import Sequence

from runstream.cli import extras
from runstream.cli.arguments import Commands
from runstream.cli.exits import ExitCode, exit_codes_text
from runstream.errors import InvalidValue, RunstreamError, ServerUnavailable

__all__ = ["main"]

DESCRIPTION = "Records and looks after machine-learning experiments."


def main(arguments: Sequence[str] | None = None) -> int:
    """Carries out a command line; returns the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        parsed = _parser(given).parse_args(given)
        run: extras.Command = parsed.run
        code = run(parsed)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes stdout once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.BROKEN_PIPE
    except (RunstreamError, OSError) as error:
        sys.stderr.write(f"runstream: error: {error}\n")
        return _code_of(error)
    return code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runstream",
        description=DESCRIPTION,
        epilog=exit_codes_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in extras.EXTRA_COMMANDS.items():
        extra = commands.add_parser(name, help=text)
        if arguments and arguments[0] == name:
            extra.set_defaults(run=extras.complete(name, extra))
            return parser
    _add_own(commands)
    return parser


def _add_own(commands: Commands) -> None:
    from runstream.cli import artifacts, experiments, import_mlflow, runs, sync

    for module in (sync, import_mlflow, runs, artifacts, experiments):
        module.add(commands)


def _code_of(error: Exception) -> ExitCode:
    if isinstance(error, ServerUnavailable):
        return ExitCode.NO_SERVER
    return ExitCode.USAGE if isinstance(error, InvalidValue) else ExitCode.FAILED


class _Version(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        from importlib.metadata import version

        print(version("runstream"))
        parser.exit()
