"""`runstream sync`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runstream._fluent.session import session
from runstream._spool import default_spool_dir
from runstream.cli.arguments import Commands, add_json
from runstream.cli.exits import ExitCode
from runstream.cli.output import print_json

if TYPE_CHECKING:
    from runstream._ship import DeliveryReport, Progress

__all__ = ["add"]

DESCRIPTION = """\
Delivers what lies in a spool: what runs have logged while no server was there, or had not sent
when their machine or their process ended. It is safe to run at any time, also beside runs that
still log, and to interrupt: what is delivered is not sent again."""


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "sync",
        help="deliver what lies in a spool",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--spool-dir",
        type=Path,
        metavar="DIR",
        help="the spool (default: that of RUNSTREAM_TRACKING_URI=file:DIR, RUNSTREAM_SPOOL_DIR, "
        "else the user's own)",
    )
    parser.add_argument(
        "--tracking-uri",
        metavar="URI",
        help="deliver everything to this server (default: each run to the one it was meant for)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="stop after so long (default: wait for as long as it takes)",
    )
    add_json(parser)
    parser.set_defaults(run=deliver)


def deliver(arguments: argparse.Namespace) -> int:
    """Delivers a spool."""
    from runstream._ship import sync

    folder = arguments.spool_dir or session.tracking_uri.folder or default_spool_dir()
    shown = _Line()
    try:
        report = sync(
            folder, arguments.tracking_uri, timeout_s=arguments.timeout, progress=shown.show
        )
    finally:
        shown.end()
    if arguments.json:
        print_json(report)
    else:
        _tell(report, folder)
    return ExitCode.OK if report.delivered else ExitCode.UNDELIVERED


def _tell(report: "DeliveryReport", folder: Path) -> None:
    if not report.writers:
        print(f"{folder}: nothing to deliver")
        return
    print(
        f"{folder}: {report.delivered_writers} of {report.writers} writers delivered: "
        f"{report.rows:,} rows, {report.records:,} records, {report.artifacts:,} files"
    )
    if not report.delivered:
        least = "" if report.is_exact else "at least "
        print(
            f"not delivered: {least}{report.pending_rows:,} rows, {report.pending_records:,} "
            f"records, {report.pending_artifacts:,} files"
        )
    for problem in report.problems:
        print(f"because: {problem}")
    if report.rejected:
        print(f"refused by the server for good: {report.rejected:,}, kept in {folder / 'rejected'}")
        for refusal in report.refusals:
            print(f"  {refusal}")


class _Line:
    """Shows progress on one line of stderr, if somebody looks."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._open = False

    def show(self, progress: "Progress") -> None:
        """Overwrites the line."""
        if not self._is_terminal:
            return
        text = f"{progress.delivered_writers} of {progress.writers} writers, {progress.rows:,} rows"
        if progress.server_state == "unavailable":
            text += ", the server does not answer"
        sys.stderr.write(f"\r{text}\x1b[K")
        sys.stderr.flush()
        self._open = True

    def end(self) -> None:
        """Ends the line."""
        if self._open:
            sys.stderr.write("\n")
