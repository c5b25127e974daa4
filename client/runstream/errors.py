"""What goes wrong, as exceptions.

RunstreamError
├── InvalidValue              a key, a value or a name that cannot be stored; also a ValueError
├── RunStateError             this process's runs forbid it: one is active already
├── SpoolError                the spool on the local disk cannot be read or written
│   └── UnsupportedSpool      it was written by a newer version
└── ServerError               a server's answer
    ├── ServerUnavailable     no server answers, or not now; a retry may succeed
    ├── NotFound              the named thing does not exist
    ├── AlreadyExists         the name is taken, by something else
    ├── FailedPrecondition    the state forbids it: change the state first
    ├── OutOfRange            an offset or a cursor lies beyond what there is
    ├── Aborted               somebody else went on with it
    ├── ResourceExhausted     a limit is exceeded, or the store is full
    └── DataLoss              bytes arrived other than they were sent
"""

from collections.abc import Mapping

__all__ = [
    "Aborted",
    "AlreadyExists",
    "DataLoss",
    "FailedPrecondition",
    "InvalidValue",
    "NotFound",
    "OutOfRange",
    "ResourceExhausted",
    "RunStateError",
    "RunstreamError",
    "ServerError",
    "ServerUnavailable",
    "SpoolError",
    "UnsupportedSpool",
]


class RunstreamError(Exception):
    """Is the base of all of them.

    Attributes:
        reason: The contract's name for what was wrong (`RUN_NOT_FOUND`), or empty.
        metadata: What varies in the message, by name.
    """

    def __init__(
        self, message: str, *, reason: str = "", metadata: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.metadata: dict[str, str] = dict(metadata or {})


class InvalidValue(RunstreamError, ValueError):
    """Means that a key, a value or a name cannot be stored. Nothing was."""


class RunStateError(RunstreamError):
    """Means that the runs of this process forbid the call. End the active one first."""


class SpoolError(RunstreamError):
    """Means that the spool on the local disk cannot be read or written."""


class UnsupportedSpool(SpoolError):
    """Means that a spool was written by a newer version than this one."""


class ServerError(RunstreamError):
    """Is a server's answer. `reason` and `metadata` are the contract's."""


class ServerUnavailable(ServerError):
    """Means that no server answers, or not now. The same call may succeed later."""


class NotFound(ServerError):
    """Means that the named thing does not exist."""


class AlreadyExists(ServerError):
    """Means that the name is taken, by something else."""


class FailedPrecondition(ServerError):
    """Means that the state of the thing forbids the call: change that first."""


class OutOfRange(ServerError):
    """Means that an offset or a cursor lies beyond what there is."""


class Aborted(ServerError):
    """Means that somebody else went on with it."""


class ResourceExhausted(ServerError):
    """Means that a limit is exceeded, or that the store is full."""


class DataLoss(ServerError):
    """Means that bytes arrived other than they were sent."""
