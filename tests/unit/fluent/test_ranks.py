from pathlib import Path

import pytest
from tests.unit.fluent.spooled import Spooled, writer_in, writers_in

import runstream
from runstream._fluent import api
from runstream._fluent.session import Session


@pytest.fixture(autouse=True)
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RUNSTREAM_JOB_ID", str(tmp_path))
    monkeypatch.setenv("WORLD_SIZE", "4")


def run_as(monkeypatch: pytest.MonkeyPatch, rank: int, spool: Path) -> Spooled:
    """Starts and ends a run as another process of the job would: with a spool of its own."""
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setattr(api, "session", Session())
    runstream.set_tracking_uri(f"file:{spool}-{rank}")
    with runstream.start_run(run_name="job", tags={"rank": rank}) as run:
        run.log({"loss": rank})
    return writer_in(Path(f"{spool}-{rank}"))


def test_ranks_agree_on_the_run(monkeypatch: pytest.MonkeyPatch, spool: Path) -> None:
    writers = [run_as(monkeypatch, rank, spool) for rank in range(4)]

    assert len({writer.header.identity.run_id for writer in writers}) == 1
    assert [writer.header.identity.rank for writer in writers] == [0, 1, 2, 3]
    assert [writer.rows[0].layout.series[0].rank for writer in writers] == [0, 1, 2, 3]


def test_rank_0_alone_says_what_the_run_is_and_how_it_ends(
    monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    first, second = (run_as(monkeypatch, rank, spool) for rank in (0, 1))

    assert first.ops == ["create_run", "set_tags", "finish_writer", "finish_run"]
    assert second.ops == ["create_run", "set_tags", "finish_writer"]
    assert first.tags.keys() >= {"mlflow.source.name", "mlflow.user", "rank"}
    assert second.tags == {"mlflow.runName": "job", "rank": "1"}


def test_the_next_run_of_a_job_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")

    ids: list[str] = []
    for name in ("a", "a", "b"):
        with runstream.start_run(run_name=name) as run:
            ids.append(run.run_id)

    assert len(set(ids)) == 3


def test_a_process_without_rank_is_a_job_of_its_own(
    monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    monkeypatch.setenv("RANK", "1")

    with runstream.start_run(rank=None) as run:
        run.log({"a": 1})

    writer = writer_in(spool)
    assert writer.header.identity.rank is None
    assert writer.ops[-1] == "finish_run"
    assert run.run_id[12] == "7"


def test_an_argument_goes_before_the_launcher(monkeypatch: pytest.MonkeyPatch, spool: Path) -> None:
    monkeypatch.setenv("RANK", "1")

    with runstream.start_run(rank=3):
        pass

    assert writer_in(spool).header.identity.rank == 3


def test_a_restarted_job_sets_its_run_back_to_running(
    monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")

    first, second = (run_as(monkeypatch, rank, spool) for rank in (0, 1))

    assert first.ops[:2] == ["create_run", "resume_run"]
    assert "resume_run" not in second.ops


def test_several_machines_without_a_job_s_name_start_no_run(
    monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    monkeypatch.delenv("RUNSTREAM_JOB_ID")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")

    with pytest.raises(runstream.InvalidValue, match="RUNSTREAM_JOB_ID"):
        runstream.start_run()

    assert writers_in(spool) == []
    with runstream.start_run(rank=None):
        pass
    assert len(writers_in(spool)) == 1
