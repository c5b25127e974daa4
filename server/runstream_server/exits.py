"""How the server ends: its exit codes, and what keeps it from starting."""

from enum import IntEnum

__all__ = ["ExitCode", "StartRefused"]


class ExitCode(IntEnum):
    """Exit codes of `runstream server` and `runstream db`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    DATA_DIR = 3
    PORT = 4
    DATABASE = 5
    ARTIFACTS = 6
    FORCED = 130

    @property
    def meaning(self) -> str:
        """Says when the program ends with this code."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "stopped as asked, everything acknowledged is stored",
    ExitCode.FAILED: "ended by a defect, see the log",
    ExitCode.USAGE: "a flag or an environment variable has a value that it cannot have",
    ExitCode.DATA_DIR: "the data folder cannot be used, or another server uses it",
    ExitCode.PORT: "a port cannot be listened on, for example because it is in use",
    ExitCode.DATABASE: "the database cannot be opened, or needs `runstream db upgrade`",
    ExitCode.ARTIFACTS: "the bucket of the artifacts cannot be used",
    ExitCode.FORCED: "a second signal cut the stop short; everything acknowledged is stored",
}


class StartRefused(Exception):
    """What keeps the server from starting; the message says what to do about it."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code
