"""Which process of which job this is, as its launcher says in the environment."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runstream.errors import InvalidValue

__all__ = ["find_rank", "is_restart", "job_key"]

_RANK_AND_SIZE: Final = (
    ("RANK", ("WORLD_SIZE",)),
    # An mpirun inside a Slurm step starts its own ranks; Slurm's numbers are then those of daemons.
    ("OMPI_COMM_WORLD_RANK", ("OMPI_COMM_WORLD_SIZE",)),
    ("SLURM_PROCID", ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")),
    ("PMIX_RANK", ("PMIX_SIZE", "SLURM_STEP_NUM_TASKS")),
)
_WORLD_AND_NODE_SIZE: Final = (
    ("WORLD_SIZE", "LOCAL_WORLD_SIZE"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"),
)
_MPI_JOB: Final = ("PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "OMPI_MCA_orte_hnp_uri")
_RESTARTS: Final = ("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT")
_PS_TIMEOUT_S: Final = 2.0


def find_rank(environ: Mapping[str, str]) -> int | None:
    """Returns the rank of this process in its job, None when it is the job's only process."""
    for rank_name, size_names in _RANK_AND_SIZE:
        rank = _number(environ.get(rank_name))
        sizes = [size for name in size_names if (size := _number(environ.get(name))) is not None]
        if rank is None or (rank_name.startswith("SLURM_") and not _slurm_step(environ)):
            continue
        if sizes and sizes[0] > 1:
            return rank
    return None


def is_restart(environ: Mapping[str, str]) -> bool:
    """Tells whether the launcher has started this job before, and goes on with it."""
    return any((_number(environ.get(name)) or 0) > 0 for name in _RESTARTS)


def job_key(environ: Mapping[str, str]) -> str:
    """Returns what all processes of this job have in common, and no other job has.

    Raises:
        InvalidValue: if the job spans several nodes and nothing names it.
    """
    if configured := environ.get("RUNSTREAM_JOB_ID"):
        return f"id {configured}"
    mpi = next((environ[name] for name in _MPI_JOB if environ.get(name)), "")
    slurm = _slurm_step(environ)
    if mpi and (not slurm or "OMPI_COMM_WORLD_RANK" in environ):
        return f"mpi {mpi}"
    if slurm:
        return f"slurm {slurm}"
    elastic = environ.get("TORCHELASTIC_RUN_ID", "")
    if elastic not in {"", "none"}:
        return f"torchelastic {elastic}"
    if _spans_nodes(environ):
        raise InvalidValue(
            "this job runs on several machines, and nothing tells its processes that they belong "
            "together: set RUNSTREAM_JOB_ID to the same text in all of them, another one for each "
            "job; or, where one process alone logs, start its run with rank=None"
        )
    return _local_key()


def _slurm_step(environ: Mapping[str, str]) -> str:
    """Names the job step that started this process; empty outside of one.

    A batch script has a job but no step of its own, and what it starts without srun is no rank.
    """
    step = environ.get("SLURM_STEP_ID") or environ.get("SLURM_STEPID")
    job = environ.get("SLURM_JOB_ID") or environ.get("SLURM_JOBID")
    if not step or not job:
        return ""
    return f"{environ.get('SLURM_CLUSTER_NAME', '')} {job} {step}"


def _spans_nodes(environ: Mapping[str, str]) -> bool:
    for world_name, node_name in _WORLD_AND_NODE_SIZE:
        world, on_node = _number(environ.get(world_name)), _number(environ.get(node_name))
        if world is not None and on_node is not None:
            return world > on_node
    master = environ.get("MASTER_ADDR", "")
    here = {"", "localhost", "::1", "0.0.0.0", os.uname().nodename}  # noqa: S104 - compared only
    return master not in here and not master.startswith("127.")


def _local_key() -> str:
    """Names the parent process: whoever started the ranks of a job on one node."""
    parent = os.getppid()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        stat = Path(f"/proc/{parent}/stat").read_text()
        # The name in parentheses may hold anything; the start time is the 20th field behind it.
        started = stat.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        boot, started = os.uname().nodename, _started_says_ps(parent)
    return f"parent {boot} {parent} {started}"


def _started_says_ps(process: int) -> str:
    try:
        return subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(process)],  # noqa: S607 - PATH knows where it is
            capture_output=True,
            text=True,
            timeout=_PS_TIMEOUT_S,
            check=False,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
