"""A run that this process logs to."""

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from runstream._fluent import artifacts, operations
from runstream._fluent.delivery import Beginning, Delivery
from runstream._fluent.endings import FINISHED, checked_status, describe, status_of
from runstream._fluent.params import checked_key, in_batches, param_texts, tag_texts
from runstream._fluent.session import Session, finish_timeout_s
from runstream._fluent.source import RUN_NAME
from runstream._spool import OWN_RANK, SpoolWriter
from runstream.errors import InvalidValue, ServerUnavailable

__all__ = ["ActiveRun"]

_US_PER_MS = 1_000


class ActiveRun:
    """A run that this process logs to: what `start_run` returns, also as a context manager.

    Everything is written to the spool on the local disk, and delivered by another process. So no
    method waits for a server unless it says so, and what a method returned from is not lost when
    the process is killed. Every method may be called from any thread; a forked child that logs is
    a writer of its own.

    Attributes:
        run_id: The run's id, 32 hexadecimal digits.
        experiment: The name of its experiment.
        name: Its name, empty when the server is to make one up.
        rank: This process's rank in its job, None for a single-process job.
    """

    def __init__(
        self,
        writer: SpoolWriter,
        delivery: Delivery,
        beginning: Beginning,
        session: Session,
        *,
        experiment: str,
        name: str,
        rank: int | None,
    ) -> None:
        self.run_id = writer.run_id
        self.experiment = experiment
        self.name = name
        self.rank = rank
        self._writer = writer
        self._delivery = delivery
        self._beginning = beginning
        self._session = session
        self._owner_pid = os.getpid()
        self._lock = threading.Lock()
        self._ended = False
        self._operations = 0
        self._params: dict[str, str] = {}
        # The writer's own method, so that a call of it costs nothing more.
        self.__dict__["log"] = writer.log

    def log(
        self,
        metrics: Mapping[str, object],
        step: int | None = None,
        time_us: int | None = None,
        rank: int | None = OWN_RANK,  # type: ignore[assignment] # stands for this process's
    ) -> None:
        """Logs one value of each metric, all at one step and one time.

        It takes 3 to 6 µs. What cannot be stored is warned about once for each reason and counted
        in `rejected`; with `RUNSTREAM_STRICT=1` it raises.

        Args:
            metrics: Numbers by key: Python's, numpy's, or tensors of one element. (Reading a CUDA
                tensor waits for its device.) A mapping among the values adds its keys behind a `/`.
            step: An integer of 64 bits. None means the greatest step that this process has logged
                to the run plus 1, at first 0.
            time_us: Microseconds since the epoch. None means now.
            rank: Whose series these are: this process's rank, unless another is given. None means
                nobody's: the series without a rank.

        Raises:
            InvalidValue: if something cannot be stored, in strict mode.
            SpoolError: if the disk does not take it, in strict mode.
        """
        self._writer.log(metrics, step, time_us, rank)

    def log_metric(
        self, key: str, value: object, step: int | None = None, *, timestamp: int | None = None
    ) -> None:
        """Logs one value of a metric; see `log_metrics`."""
        self.log_metrics({key: value}, step, timestamp=timestamp)

    def log_metrics(
        self,
        metrics: Mapping[str, object],
        step: int | None = None,
        *,
        timestamp: int | None = None,
    ) -> None:
        """Logs values as MLflow does: without a step, at step 0.

        Args:
            metrics: As in `log`.
            step: The step. None means 0; `log` counts instead.
            timestamp: Milliseconds since the epoch. None means now.
        """
        time_us = None if timestamp is None else timestamp * _US_PER_MS
        self._writer.log(metrics, 0 if step is None else step, time_us)

    def log_param(self, key: str, value: object) -> None:
        """Logs a param; see `log_params`."""
        self.log_params({key: value})

    def log_params(self, params: Mapping[str, object]) -> None:
        """Logs params, which are written once and never change.

        Args:
            params: Values by key. A mapping among the values adds its keys behind a `/`; any other
                value becomes `str(value)`, of at most 6 000 characters.

        Raises:
            InvalidValue: if one of them cannot be stored, or has another value already (as far as
                this process knows: `PARAM_CONFLICT`). Nothing is stored then.
        """
        texts = param_texts(params)
        with self._lock:
            for key, text in texts.items():
                if self._params.get(key, text) != text:
                    raise _param_conflict(key, self._params[key], text)
            self._params |= texts
        for batch in in_batches(texts):
            self._append(operations.log_params(batch))

    def set_tag(self, key: str, value: object) -> None:
        """Sets a tag; see `set_tags`."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Sets tags, overwriting those of the same key.

        Args:
            tags: Values by key, each stored as `str(value)`, of at most 8 000 characters. The tag
                `mlflow.runName` renames the run, `mlflow.note.content` describes it.

        Raises:
            InvalidValue: if one of them cannot be stored. Nothing is stored then.
        """
        texts = tag_texts(tags)
        for batch in in_batches(texts):
            self._append(operations.set_tags(batch))
        self.name = texts.get(RUN_NAME, self.name)

    def delete_tag(self, key: str) -> None:
        """Deletes a tag.

        Raises:
            InvalidValue: if no tag can have this key.
        """
        self._append(operations.delete_tags([checked_key("tag", key)]))

    def log_artifact(
        self,
        local_path: str | os.PathLike[str],
        artifact_path: str | None = None,
        *,
        move: bool = False,
        wait: bool = False,
    ) -> None:
        """Logs a file as it is now, or a folder with all files in it.

        The content is taken into the spool: at no cost where the file system can share blocks,
        else by copying. A file of more than `RUNSTREAM_SNAPSHOT_MAX` bytes (4 GiB) that would have
        to be copied is only referred to: it must not change before it is uploaded.

        Args:
            local_path: The file or folder.
            artifact_path: The folder among the run's artifacts that gets it; None means the top.
            move: Whether the file is handed over, and gone afterwards: saves the copy.
            wait: Whether to wait until the server has it, `RUNSTREAM_FINISH_TIMEOUT` at most.

        Raises:
            OSError: if it cannot be read.
            InvalidValue: if it is neither, or if its name cannot be an artifact's.
            ServerUnavailable: if `wait`, and it was not delivered in time. It will be later.
        """
        path = Path(local_path)
        if path.is_dir():
            prefix = "/".join(filter(None, (artifact_path, path.resolve().name)))
            self._log_files(path, prefix, move=move)
        else:
            self._writer.artifact(
                path, artifacts.artifact_path(artifact_path, path.name), move=move
            )
        if wait:
            self._deliver()

    def log_artifacts(
        self,
        local_dir: str | os.PathLike[str],
        artifact_path: str | None = None,
        *,
        move: bool = False,
        wait: bool = False,
    ) -> None:
        """Logs all files in a folder and in its folders; the arguments are those of `log_artifact`.

        Raises:
            OSError: if a file cannot be read.
            InvalidValue: if it is no folder, or if a name cannot be an artifact's.
            ServerUnavailable: if `wait`, and they were not delivered in time. They will be later.
        """
        self._log_files(Path(local_dir), artifact_path, move=move)
        if wait:
            self._deliver()

    def log_text(self, text: str, artifact_file: str) -> None:
        """Logs a text as a file in UTF-8."""
        self._log_content(text.encode(), artifact_file)

    def log_dict(self, dictionary: object, artifact_file: str) -> None:
        """Logs a dict or a list as a file: YAML if its name ends in .yml or .yaml, else JSON."""
        self._log_content(artifacts.dict_bytes(dictionary, artifact_file), artifact_file)

    def log_figure(
        self,
        figure: object,
        artifact_file: str,
        *,
        save_kwargs: Mapping[str, object] | None = None,
    ) -> None:
        """Logs a figure of matplotlib or plotly, in the format that the file's name ends with."""
        options = dict(save_kwargs or {})
        content = artifacts.figure_bytes(figure, artifact_file, options)
        self._log_content(content, artifact_file)

    def log_image(self, image: object, artifact_file: str) -> None:
        """Logs a Pillow image, or an array of shape (height, width) or (height, width, channels).

        Integers are intensities from 0 to 255, floats and booleans from 0 to 1.
        """
        self._log_content(artifacts.image_bytes(image, artifact_file), artifact_file)

    def get_artifact_uri(self, artifact_path: str | None = None) -> str:
        """Asks the server where the run's artifacts, or one of them, lie.

        Raises:
            ServerUnavailable: if no server answers.
        """
        from runstream._fluent.queries import artifact_uri

        return artifact_uri(self._delivery.uri, self.run_id, artifact_path)

    def finish(
        self, status: str = FINISHED, *, message: str = "", timeout_s: float | None = None
    ) -> bool:
        """Ends the run, and waits until everything is delivered.

        It does not raise because of the server: what was not delivered in time stays in the spool,
        and a line on stderr says how to deliver it. Ending again does nothing. Only rank 0, or a
        process without a rank, ends the run as a whole; another rank ends its part. A forked
        child ends its part, and does not wait.

        Args:
            status: FINISHED, FAILED or KILLED.
            message: What went wrong, for people.
            timeout_s: How long to wait at most, 0 for not at all. None means
                `RUNSTREAM_FINISH_TIMEOUT`, which is 30 unless it is set.

        Returns:
            Whether everything is delivered.

        Raises:
            InvalidValue: if there is no such status.
        """
        status = checked_status(status)
        with self._lock:
            ended, self._ended = self._ended, True
        if ended:
            return True
        self._session.closed(self)
        is_owner = os.getpid() == self._owner_pid
        if self._beginning.began_in == os.getpid():
            self._append(operations.finish_writer(status, message))
        if is_owner and not self.rank:
            self._append(operations.finish_run(status, time.time_ns() // 1_000))
        self._writer.close()
        if not is_owner:
            return False
        return self._delivery.wait(
            self._writer, finish_timeout_s() if timeout_s is None else timeout_s
        )

    @property
    def rejected(self) -> Mapping[str, int]:
        """Counts what could not be stored, by reason."""
        return self._writer.rejected

    @property
    def logged(self) -> int:
        """Counts what this process has logged to the run, files apart."""
        return self._writer.rows + self._operations

    @property
    def info(self) -> Self:
        """The run itself: MLflow's `run.info.run_id` works here too."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish(status_of(error), message=describe(error))

    def __repr__(self) -> str:
        return f"<ActiveRun {self.run_id} {self.name!r} of {self.experiment!r}>"

    def renew_lock(self) -> None:
        """Forgets who held the lock: in a forked child, that thread is not there."""
        self._lock = threading.Lock()

    def _append(self, operation: operations.Operation) -> None:
        self._operations += 1
        self._writer.operation(operation)

    def _log_content(self, content: bytes, artifact_file: str) -> None:
        self._writer.artifact(content, artifacts.artifact_path(artifact_file))

    def _log_files(self, folder: Path, prefix: str | None, *, move: bool) -> None:
        # All names are checked before the first file is taken.
        for file, path in list(artifacts.files_below(folder, prefix)):
            self._writer.artifact(file, path, move=move)

    def _deliver(self) -> None:
        if not self._delivery.wait(self._writer, finish_timeout_s()):
            raise ServerUnavailable(
                f"the artifact was not delivered to {self._delivery.uri.text} in time: it stays in "
                "the spool, and is delivered once the server answers"
            )


def _param_conflict(key: str, stored: str, given: str) -> InvalidValue:
    return InvalidValue(
        f"the param {key!r} is {stored!r:.300} and cannot become {given!r:.300}: params never "
        "change, log another key or a metric",
        reason="PARAM_CONFLICT",
        metadata={"key": key, "stored": stored, "given": given},
    )
