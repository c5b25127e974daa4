"""Ends what tests have started when they are killed, and so can end nothing themselves."""

import signal
import subprocess

__all__ = ["Watcher"]

# A line says that all is well; the end of the pipe, that nobody is left to say it. What Linux
# offers for this, PR_SET_PDEATHSIG, follows the thread that started a process, and threads of
# tests end before their processes do; it also forgets when the process changes its user.
SCRIPT = 'read -r line || kill -s "$1" -- "$0"'


class Watcher:
    """Sends a signal when this process ends before `dismiss`.

    Args:
        target: A process, or a process group as a negative number.
        number: The signal.
    """

    def __init__(self, target: int, number: signal.Signals) -> None:
        name = number.name.removeprefix("SIG")
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", SCRIPT, str(target), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # it outlives what ends the tests' group
        )

    def dismiss(self) -> None:
        """Ends the watch; call it once the target has ended."""
        self._process.communicate(b"\n")
