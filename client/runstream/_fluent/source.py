"""The tags that say what code ran, by whom and where: the names are MLflow's where it has one."""

import contextlib
import getpass
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

__all__ = [
    "GIT_BRANCH",
    "GIT_COMMIT",
    "GIT_DIRTY",
    "GIT_REPO_URL",
    "HOST",
    "NOTE",
    "PARENT_RUN_ID",
    "RUN_NAME",
    "SOURCE_NAME",
    "SOURCE_TYPE",
    "USER",
    "git_tags",
    "source_tags",
]

RUN_NAME: Final = "mlflow.runName"
PARENT_RUN_ID: Final = "mlflow.parentRunId"
NOTE: Final = "mlflow.note.content"
USER: Final = "mlflow.user"
SOURCE_NAME: Final = "mlflow.source.name"
SOURCE_TYPE: Final = "mlflow.source.type"
GIT_COMMIT: Final = "mlflow.source.git.commit"
GIT_BRANCH: Final = "mlflow.source.git.branch"
GIT_REPO_URL: Final = "mlflow.source.git.repoURL"
GIT_DIRTY: Final = "runstream.source.git.dirty"
HOST: Final = "runstream.host"

GIT_BUDGET_S: Final = 1.0
"""All questions to git together take no longer."""


def source_tags() -> dict[str, str]:
    """Returns the tags of this process: program, user, host and code version."""
    program = sys.argv[0] if sys.argv else ""
    tags = {
        SOURCE_NAME: program or Path(sys.executable).name,
        SOURCE_TYPE: "NOTEBOOK" if "ipykernel" in sys.modules else "LOCAL",
        HOST: os.uname().nodename,
    }
    with contextlib.suppress(KeyError, OSError):  # a container may have no name for its user
        tags[USER] = getpass.getuser()
    script = Path(program)
    return tags | git_tags(script.parent if script.is_file() else Path())


def git_tags(folder: Path, budget_s: float = GIT_BUDGET_S) -> dict[str, str]:
    """Returns the tags of the git work tree that holds a folder.

    What git does not say in time is left out; all of it when there is no git or no work tree.
    """
    git = _Git(folder, time.monotonic() + budget_s)
    head = (git.ask("rev-parse", "HEAD", "--abbrev-ref", "HEAD") or "").splitlines()
    if not head:
        return {}
    tags = {GIT_COMMIT: head[0]}
    if head[1:] and head[1] != "HEAD":  # detached
        tags[GIT_BRANCH] = head[1]
    if url := git.ask("config", "--get", "remote.origin.url"):
        tags[GIT_REPO_URL] = _without_credentials(url)
    changed = git.ask("status", "--porcelain", "--untracked-files=no")
    if changed is not None:
        tags[GIT_DIRTY] = "true" if changed else "false"
    return tags


class _Git:
    """Asks git about the work tree that holds a folder, and no longer than to a deadline."""

    def __init__(self, folder: Path, deadline: float) -> None:
        self._folder = folder
        self._deadline = deadline

    def ask(self, *arguments: str) -> str | None:
        """Returns what a command prints, None when it fails or takes too long."""
        remaining_s = self._deadline - time.monotonic()
        if remaining_s <= 0:
            return None
        # No lock that the user's own git would trip over, no daemon, no question on the terminal.
        options = ["--no-optional-locks", "-c", "core.fsmonitor=false"]
        try:
            done = subprocess.run(
                ["git", *options, *arguments],  # noqa: S607 - PATH knows where it is
                cwd=self._folder,
                env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=remaining_s,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        if done.returncode != 0:
            return None
        return done.stdout.decode(errors="replace").strip()


def _without_credentials(url: str) -> str:
    """Takes user name and password out of `https://user:token@host/…`."""
    parts = urlsplit(url)
    if parts.scheme in {"http", "https"} and "@" in parts.netloc:
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return url
