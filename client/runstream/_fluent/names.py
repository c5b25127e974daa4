"""Names of experiments and runs, checked before anything is stored."""

import re
from typing import Final

from runstream._fluent.params import checked_text
from runstream.errors import InvalidValue

__all__ = ["checked_experiment", "checked_run_name"]

# The server's limits.
MAX_EXPERIMENT_NAME_LENGTH: Final = 500
MAX_RUN_NAME_LENGTH: Final = 500

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def checked_experiment(name: str) -> str:
    """Returns the name of an experiment.

    Raises:
        InvalidValue: if it cannot be one.
    """
    if not name:
        raise InvalidValue(
            f"the experiment's name is empty: use 1 to {MAX_EXPERIMENT_NAME_LENGTH} characters"
        )
    if bad := _CONTROL.search(name):
        raise InvalidValue(
            f"the experiment's name {name!r:.300} holds the character {bad[0]!r}: leave it out"
        )
    return checked_text("experiment's name", name, MAX_EXPERIMENT_NAME_LENGTH)


def checked_run_name(name: str) -> str:
    """Returns the name of a run, which may be empty: the server then makes one up.

    Raises:
        InvalidValue: if it cannot be one.
    """
    return checked_text("run's name", name, MAX_RUN_NAME_LENGTH)
