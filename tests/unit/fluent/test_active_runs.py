import os
import threading
from pathlib import Path

import pytest
from tests.unit.fluent.spooled import writer_in, writers_in

import runstream


def test_logging_without_a_run_starts_one(spool: Path) -> None:
    runstream.set_experiment("quick")

    runstream.log_param("lr", 1)
    run = runstream.active_run()
    runstream.end_run()

    assert run is not None
    assert runstream.active_run() is None
    assert writer_in(spool).header.identity.experiment == "quick"
    assert writer_in(spool).params == {"lr": "1"}


def test_a_second_run_is_refused_unless_it_is_nested(spool: Path) -> None:
    with runstream.start_run() as outer:
        with pytest.raises(runstream.RunStateError, match="nested=True"):
            runstream.start_run()
        with runstream.start_run(nested=True) as inner:
            assert runstream.active_run() is inner
        assert runstream.active_run() is outer

    first, second = writers_in(spool)
    assert "parent_run_id" not in first.only("create_run")
    assert second.only("create_run")["parent_run_id"] == outer.run_id


def test_a_parent_may_be_named(spool: Path) -> None:
    with runstream.start_run(parent_run_id="a" * 32):
        pass

    assert writer_in(spool).only("create_run")["parent_run_id"] == "a" * 32


def test_a_given_id_is_gone_on_with(spool: Path) -> None:
    with runstream.start_run(run_id="0123456789abcdef" * 2):
        pass

    writer = writer_in(spool)
    assert writer.header.identity.run_id == "0123456789abcdef" * 2
    assert writer.ops[:2] == ["create_run", "resume_run"]
    assert writer.only("create_run")["existing"] is True


def test_a_given_id_in_a_named_experiment_must_be_in_that(spool: Path) -> None:
    with runstream.start_run(run_id="ab" * 16, experiment="here"):
        pass

    assert "existing" not in writer_in(spool).only("create_run")


def test_the_environment_names_the_first_run_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTREAM_RUN_ID", "cd" * 16)

    with runstream.start_run() as first, runstream.start_run(nested=True) as nested:
        pass
    with runstream.start_run() as second:
        pass

    assert first.run_id == "cd" * 16
    assert len({first.run_id, nested.run_id, second.run_id}) == 3


def test_the_environment_names_the_experiment(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTREAM_EXPERIMENT_NAME", "of-the-sweep")

    with runstream.start_run():
        pass

    assert writer_in(spool).header.identity.experiment == "of-the-sweep"


def test_a_thread_logs_to_its_own_run_or_else_to_the_latest(spool: Path) -> None:
    seen: list[str] = []

    def work(*, own: bool) -> None:
        if own:
            runstream.start_run(run_name="of the thread")
        active = runstream.active_run()
        assert active is not None
        seen.append(active.name)
        if own:
            runstream.end_run()

    with runstream.start_run(run_name="of the main thread"):
        for own in (False, True, False):
            thread = threading.Thread(target=work, kwargs={"own": own})
            thread.start()
            thread.join()

    assert seen == ["of the main thread", "of the thread", "of the main thread"]
    assert len(writers_in(spool)) == 2


def test_many_threads_log_to_one_run(spool: Path) -> None:
    def work(number: int) -> None:
        for step in range(200):
            run.log({f"m{number}": step}, step=step)
        run.log_param(f"p{number}", number)

    with runstream.start_run() as run:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    writer = writer_in(spool)
    assert len(writer.rows) == 1_600
    assert len(writer.params) == 8


def test_a_forked_child_ends_its_part_of_the_run_and_not_the_run(spool: Path) -> None:
    with runstream.start_run() as run:
        child = os.fork()
        if child == 0:
            run.log({"child": 1}, step=1)
            run.finish("FAILED")
            os._exit(0)
        os.waitpid(child, 0)
        run.log({"parent": 1}, step=2)

    parent, forked = writers_in(spool)
    assert parent.ops[-2:] == ["finish_writer", "finish_run"]
    assert forked.ops == ["create_run", "finish_writer"]
    assert forked.only("finish_writer")["status"] == "FAILED"
    assert forked.header.identity.run_id == parent.header.identity.run_id
    assert parent.points() == [(2, "parent", 1.0)]
    assert forked.points() == [(1, "child", 1.0)]


def test_a_forked_child_that_logs_nothing_leaves_nothing(spool: Path) -> None:
    with runstream.start_run() as run:
        child = os.fork()
        if child == 0:
            run.finish()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0

    assert len(writers_in(spool)) == 1
