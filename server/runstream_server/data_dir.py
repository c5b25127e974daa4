"""The folder that belongs to one server at a time."""

import contextlib
import fcntl
import os
from collections.abc import Generator
from pathlib import Path
from typing import Final

from runstream_server.exits import ExitCode, StartRefused

__all__ = ["locked_data_dir"]

LOCK_NAME: Final = "server.lock"
FOLDER_MODE: Final = 0o700
"""Nobody but the server's user reads what it stores, unless told so by a chmod."""


@contextlib.contextmanager
def locked_data_dir(data_dir: Path | None, database_path: Path | None) -> Generator[None]:
    """Keeps other servers from the folder, and from a database outside of it.

    The folder is made if it is missing. The lock ends with the process, however that ends.

    Args:
        data_dir: The folder; None when nothing lies there.
        database_path: The file of the database; None when it has none.

    Raises:
        StartRefused: Another server has it, or the folder cannot be made or written to.
    """
    with contextlib.ExitStack() as stack:
        if data_dir is not None:
            stack.enter_context(_locked(data_dir, LOCK_NAME, f"the data folder {data_dir}"))
        folder = data_dir if database_path is None else database_path.parent
        if database_path and folder and (not data_dir or folder.resolve() != data_dir.resolve()):
            name = f"{database_path.name}.lock"
            stack.enter_context(_locked(folder, name, f"the database {database_path}"))
        yield


@contextlib.contextmanager
def _locked(folder: Path, name: str, what: str) -> Generator[None]:
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartRefused(
            ExitCode.DATA_DIR, f"cannot use {folder.absolute()}: {error.strerror}"
        ) from error
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip() or "unknown"
            raise StartRefused(
                ExitCode.DATA_DIR,
                f"{what} is in use by the server with process id {holder}; stop that one, "
                "or start this one with another --data-dir",
            ) from None
        except OSError as error:
            raise StartRefused(
                ExitCode.DATA_DIR, f"cannot lock {folder / name}: {error.strerror}"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
