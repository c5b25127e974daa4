"""Exit codes of the commands that are the client's own."""

from enum import IntEnum

__all__ = ["ExitCode", "exit_codes_text"]


class ExitCode(IntEnum):
    """Exit codes. Those from 3 to 5 are the server's."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_SERVER = 6
    UNDELIVERED = 7
    INTERRUPTED = 130
    BROKEN_PIPE = 141


_MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "it could not be done, for the reason on stderr",
    ExitCode.USAGE: "a command, a flag or an environment variable that makes no sense",
    ExitCode.NO_SERVER: "no server answers, or not in time",
    ExitCode.UNDELIVERED: "sync, import: something is not delivered; it stays where it was",
    ExitCode.INTERRUPTED: "Ctrl-C",
    ExitCode.BROKEN_PIPE: "whoever read the output has closed it",
}


def exit_codes_text() -> str:
    """Returns a table for people."""
    return "exit codes:\n" + "\n".join(f"  {code.value:>3}  {_MEANINGS[code]}" for code in ExitCode)
