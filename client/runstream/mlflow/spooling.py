"""MLflow's asynchronous logging: written to the local spool, delivered by the shipper."""

import atexit
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import groupby

from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.utils.async_logging.run_operations import RunOperations

from runstream._fluent import operations
from runstream._fluent.delivery import Delivery
from runstream._fluent.params import in_batches
from runstream._fluent.session import finish_timeout_s
from runstream._ship import wait_delivered
from runstream._spool import SpoolWriter, default_spool_dir
from runstream._tracking_uri import TrackingUri
from runstream.mlflow.convert import US_PER_MS

__all__ = ["SpooledLogging"]


class SpooledLogging:
    """Writes to the spools of any number of runs. May be used from several threads."""

    def __init__(self, server_uri: str) -> None:
        self._delivery = Delivery(TrackingUri.parse(server_uri), default_spool_dir())
        self._writers: dict[str, _Writer] = {}
        self._lock = threading.Lock()

    def log(
        self,
        run_id: str,
        metrics: Sequence[Metric],
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> RunOperations:
        """Writes to a run that exists; what is returned waits until the server has it."""
        with self._lock:
            writer = self._writers.get(run_id)
            if writer is None:
                if not self._writers:
                    atexit.register(self.close)
                writer = self._writers[run_id] = _Writer(self._delivery, run_id)
        writer.log(metrics, params, tags)
        return RunOperations([_Delivered(writer, writer.written)])  # type: ignore[no-untyped-call]

    def flush(self) -> None:
        """Waits until everything is delivered.

        Raises:
            MlflowException: something was refused, or is not delivered in time.
        """
        for writer in list(self._writers.values()):
            writer.wait(writer.written)

    def close(self) -> None:
        """Ends the writers; what they wrote is delivered also after the end of this process."""
        for writer in self._taken():
            writer.close()

    def finish(self) -> None:
        """Ends the writers, and waits until everything is delivered.

        It does not raise because of the server: what was not delivered in time stays in the spool,
        and a line on stderr says how to deliver it.
        """
        for writer in self._taken():
            writer.close()
            writer.deliver()

    def _taken(self) -> list["_Writer"]:
        atexit.unregister(self.close)
        with self._lock:
            writers, self._writers = list(self._writers.values()), {}
        return writers


class _Writer:
    """The spool of one run."""

    def __init__(self, delivery: Delivery, run_id: str) -> None:
        self.written = 0
        self._delivered = 0
        self._delivery = delivery
        self._lock = threading.Lock()
        self._spool = SpoolWriter.create(
            delivery.spool_dir,
            run_id=run_id,
            server_uri=delivery.uri.text,
            on_new_writer=self._begin,
        )
        self._begin(self._spool)

    def _begin(self, spool: SpoolWriter) -> None:
        spool.operation(
            operations.create_run(name="", start_time_us=time.time_ns() // 1_000, existing=True)
        )
        self._delivery.start()

    def log(
        self, metrics: Sequence[Metric], params: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        """Writes rows, one a step and time, then params and tags."""
        with self._lock:
            for (step, timestamp), group in groupby(metrics, _moment):
                row: dict[str, float] = {}
                for metric in group:
                    if metric.key in row:
                        self._spool.log(row, step, timestamp * US_PER_MS, None)
                        row = {}
                    row[metric.key] = metric.value
                self._spool.log(row, step, timestamp * US_PER_MS, None)
            for batch in in_batches(dict(params)):
                self._spool.operation(operations.log_params(batch))
            for batch in in_batches(dict(tags)):
                self._spool.operation(operations.set_tags(batch))
            self.written += 1

    def wait(self, number: int) -> None:
        """Waits until so many calls of `log` are delivered.

        Raises:
            MlflowException: something was refused, or is not delivered in time.
        """
        if number <= self._delivered:
            return
        written = self.written
        report = wait_delivered(
            self._delivery.spool_dir,
            run_id=self._spool.run_id,
            writer_id=self._spool.writer_id,
            timeout_s=finish_timeout_s(),
        )
        if report.rejected:
            raise MlflowException(
                f"the server refused what was logged: {'; '.join(report.refusals)}"
            )
        if not report.delivered:
            problem = f" ({report.problems[0]})" if report.problems else ""
            raise MlflowException(
                f"run {self._spool.run_id} is not delivered yet{problem}: what was logged is kept"
                f" in {self._delivery.spool_dir}, and is delivered later, or by"
                f" `{self._delivery.sync_command}`"
            )
        self._delivered = written

    def deliver(self) -> None:
        """Waits until everything is delivered, or says that it is not."""
        self._delivery.wait(self._spool, finish_timeout_s())

    def close(self) -> None:
        """Ends the writer's part of the run."""
        self._spool.operation(operations.finish_writer("FINISHED"))
        self._spool.close()


class _Delivered:
    """Is a future, as far as MLflow's RunOperations asks."""

    def __init__(self, writer: _Writer, number: int) -> None:
        self._writer = writer
        self._number = number

    def result(self) -> None:
        """Waits for it."""
        self._writer.wait(self._number)


def _moment(metric: Metric) -> tuple[int, int]:
    return metric.step, metric.timestamp
