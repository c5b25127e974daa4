import os
import subprocess
import sys

import pytest

from runstream._fluent.launch import find_rank, is_restart, job_key
from runstream.errors import InvalidValue

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "3", "LOCAL_WORLD_SIZE": "8"}
SLURM = {
    "SLURM_CLUSTER_NAME": "alps",
    "SLURM_JOB_ID": "77",
    "SLURM_STEP_ID": "2",
    "SLURM_PROCID": "5",
    "SLURM_STEP_NUM_TASKS": "16",
    "SLURM_NTASKS": "16",
}
MPIRUN = {
    "OMPI_COMM_WORLD_RANK": "1",
    "OMPI_COMM_WORLD_SIZE": "4",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
    "PMIX_RANK": "1",
    "PMIX_NAMESPACE": "prterun-n1-9@1",
}


@pytest.mark.parametrize(
    ("environ", "rank"),
    [
        ({}, None),
        (TORCHRUN, 3),
        ({"RANK": "0", "WORLD_SIZE": "2"}, 0),
        ({"RANK": "0", "WORLD_SIZE": "1"}, None),
        ({"RANK": "0"}, None),
        ({"RANK": "captain", "WORLD_SIZE": "4"}, None),
        (SLURM, 5),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "1"}, None),
        (MPIRUN, 1),
        ({"PMIX_RANK": "6", "PMIX_SIZE": "7"}, 6),
        (SLURM | TORCHRUN, 3),
        (SLURM | MPIRUN, 1),
    ],
)
def test_finds_the_rank_that_a_launcher_gave(environ: dict[str, str], rank: int | None) -> None:
    assert find_rank(environ) == rank


def test_a_batch_script_of_slurm_is_no_rank_of_the_tasks_that_it_may_start() -> None:
    script = {"SLURM_JOB_ID": "77", "SLURM_PROCID": "0", "SLURM_NTASKS": "16"}

    assert find_rank(script) is None
    assert "slurm" not in job_key(script)


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({"RUNSTREAM_JOB_ID": "mine", **SLURM}, "id mine"),
        (SLURM, "slurm alps 77 2"),
        (SLURM | TORCHRUN | {"TORCHELASTIC_RUN_ID": "r"}, "slurm alps 77 2"),
        (MPIRUN, "mpi prterun-n1-9@1"),
        (SLURM | MPIRUN, "mpi prterun-n1-9@1"),
        (SLURM | {"PMIX_NAMESPACE": "slurm.pmix.77.2"}, "slurm alps 77 2"),
        (TORCHRUN | {"TORCHELASTIC_RUN_ID": "r"}, "torchelastic r"),
    ],
)
def test_the_job_is_named_by_its_launcher(environ: dict[str, str], key: str) -> None:
    assert job_key(environ) == key


@pytest.mark.parametrize(
    "environ",
    [
        {"RANK": "0", "WORLD_SIZE": "2"},
        TORCHRUN | {"TORCHELASTIC_RUN_ID": "none"},
        {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost"},
        {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"},
    ],
)
def test_processes_of_one_parent_on_one_machine_agree(environ: dict[str, str]) -> None:
    program = "import os; from runstream._fluent.launch import job_key; print(job_key(os.environ))"
    command = [sys.executable, "-c", program]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "OMPI", "PMIX"))}

    keys = {
        subprocess.run(command, check=True, capture_output=True, env=clean | environ).stdout
        for _ in range(2)
    }

    assert len(keys) == 1
    assert job_key(environ) not in {key.decode().strip() for key in keys}


@pytest.mark.parametrize(
    "environ",
    [
        TORCHRUN | {"WORLD_SIZE": "16", "TORCHELASTIC_RUN_ID": "none"},
        {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "trainer-master-0"},
        {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"},
    ],
)
def test_several_machines_without_a_name_for_the_job_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidValue, match="RUNSTREAM_JOB_ID"):
        job_key(environ)


@pytest.mark.parametrize(
    ("environ", "restarted"),
    [
        ({}, False),
        ({"TORCHELASTIC_RESTART_COUNT": "0"}, False),
        ({"TORCHELASTIC_RESTART_COUNT": "1"}, True),
        ({"SLURM_RESTART_COUNT": "2"}, True),
    ],
)
def test_tells_restarted_jobs(environ: dict[str, str], *, restarted: bool) -> None:
    assert is_restart(environ) == restarted
