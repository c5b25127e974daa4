"""How what a run logs gets to the server: the shipper, and the wait at the run's end."""

import logging
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from runstream._fluent import exits
from runstream._fluent.operations import Operation
from runstream._fluent.session import Session
from runstream._spool import SpoolWriter, default_spool_dir
from runstream._tracking_uri import TrackingUri
from runstream.errors import SpoolError

if TYPE_CHECKING:
    from runstream._ship import DeliveryReport, Progress

__all__ = ["Beginning", "Delivery"]

logger: Final = logging.getLogger(__name__)

QUIET_S: Final = 2.0
"""A wait that takes longer says so."""
LINE_INTERVAL_S: Final = 5.0
"""Between lines about it, where a line cannot be overwritten."""
ABSENT_SERVER_S: Final = 5.0
"""So long a server that has answered nothing yet is waited for at a run's end."""


class Delivery:
    """Where the runs of one spool go to.

    Attributes:
        uri: The server, or `file:`, which has none.
        spool_dir: The spool.
    """

    def __init__(self, uri: TrackingUri, spool_dir: Path) -> None:
        self.uri = uri
        self.spool_dir = uri.folder or spool_dir

    def start(self) -> None:
        """Sees to it that a shipper runs, if there is a server to ship to."""
        if self.uri.folder is not None:
            return
        from runstream._ship import ensure_shipper

        try:
            ensure_shipper(self.spool_dir, self.uri.text)
        except (OSError, SpoolError) as error:
            logger.warning(
                "nothing is delivered now: %s. What is logged waits in %s; deliver it with %s",
                error,
                self.spool_dir,
                self.sync_command,
            )

    def announce(self, run_id: str) -> None:
        """Tells where the run can be seen, if the server's web address is known."""
        if self.uri.folder is not None:
            return
        from runstream._ship.status import read_status

        status = read_status(self.spool_dir)
        server = status["servers"].get(self.uri.text) if status else None
        if server is not None and server["http_address"]:
            _say(f"run {run_id}: {server['http_address']}/#/runs/{run_id}")

    def wait(self, writer: SpoolWriter, timeout_s: float) -> bool:
        """Waits until everything that a writer has written is delivered; returns whether it is.

        A wait of more than 2 s says on stderr how it stands, and what is left at its end.
        """
        if self.uri.folder is not None:
            return False
        from runstream._ship import wait_delivered

        patience = _Patience(writer)
        try:
            report = wait_delivered(
                self.spool_dir,
                run_id=writer.run_id,
                writer_id=writer.writer_id,
                timeout_s=timeout_s,
                keep_waiting=patience.lasts,
            )
        except (OSError, SpoolError) as error:
            _say(f"run {writer.run_id} cannot be delivered now: {error}. {self._remedy}")
            return False
        except KeyboardInterrupt:
            patience.end()
            _say(f"run {writer.run_id} may not be delivered whole. {self._remedy}")
            raise
        patience.end()
        self._tell(writer.run_id, report)
        return report.delivered

    @property
    def sync_command(self) -> str:
        """What delivers this spool later."""
        is_default = self.spool_dir == default_spool_dir()
        return "runstream sync" + (
            "" if is_default else f" --spool-dir {shlex.quote(str(self.spool_dir))}"
        )

    @property
    def _remedy(self) -> str:
        return f"It is kept in {self.spool_dir}; deliver it with: {self.sync_command}"

    def _tell(self, run_id: str, report: "DeliveryReport") -> None:
        if not report.delivered:
            because = f" ({report.problems[0]})" if report.problems else ""
            _say(f"run {run_id} is not delivered yet{because}: {_left(report)}. {self._remedy}")
        if report.rejected:
            _say(
                f"run {run_id}: the server refused {report.rejected} records for good: "
                f"{'; '.join(report.refusals)}. They are in {self.spool_dir / 'rejected' / run_id}"
            )


class Beginning:
    """What each writer of a run says first, because any of them may be delivered first.

    A writer of the process that started the run says it at once, one of a forked child before the
    child first logs; from then on, the end of that process ends its part of the run.

    Attributes:
        began_in: The process that said it last: in a forked child, its own id tells that it has
            logged.
    """

    def __init__(self, create: Operation, delivery: Delivery, session: Session) -> None:
        self._create = create
        self._delivery = delivery
        self._session = session
        self.began_in = 0

    def __call__(self, writer: SpoolWriter) -> None:
        writer.operation(self._create)
        self.began_in = os.getpid()
        exits.install(self._session)
        self._delivery.start()


class _Patience:
    """Says how a wait stands, and when it is in vain."""

    def __init__(self, writer: SpoolWriter) -> None:
        self._run_id = writer.run_id
        self._rows = writer.rows
        self._began = time.monotonic()
        self._said_at = 0.0
        self._reached_at = self._began
        self._line_open = False

    def lasts(self, progress: "Progress") -> bool:
        """Takes note of how the delivery stands; returns whether to go on waiting."""
        now = time.monotonic()
        if progress.server_state != "unavailable" or progress.records:
            self._reached_at = now
        if now - self._began >= QUIET_S:
            self._show(now, progress)
        return now - self._reached_at < ABSENT_SERVER_S

    def end(self) -> None:
        """Ends the line that is being overwritten."""
        if self._line_open:
            sys.stderr.write("\n")

    def _show(self, now: float, progress: "Progress") -> None:
        is_terminal = _is_terminal(sys.stderr)
        if not is_terminal and now - self._said_at < LINE_INTERVAL_S and self._said_at:
            return
        self._said_at = now
        text = f"delivering run {self._run_id}: {progress.rows:,} of {self._rows:,} rows"
        if progress.server_state == "unavailable":
            text += ", the server does not answer"
        if is_terminal:
            sys.stderr.write(f"\rrunstream: {text}\x1b[K")
            sys.stderr.flush()
            self._line_open = True
        else:
            _say(text)


def _left(report: "DeliveryReport") -> str:
    counts = (
        (report.pending_rows, "rows"),
        (report.pending_records, "records"),
        (report.pending_artifacts, "files"),
    )
    parts = [f"{count:,} {name}" for count, name in counts if count]
    return (", ".join(parts) or "something") + (" wait" if report.is_exact else " or more wait")


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False


def _say(text: str) -> None:
    # stderr: what the program prints is its own.
    try:
        sys.stderr.write(f"runstream: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return  # nobody listens
