import math
from pathlib import Path

import pytest
from tests.unit.fluent.spooled import writer_in

import runstream
from runstream._fluent.session import finish_timeout_s
from runstream._spool import SpoolWriter


def test_a_run_leaves_everything_in_the_spool(spool: Path) -> None:
    with runstream.start_run(run_name="first", experiment="digits", tags={"team": "a"}) as run:
        run.log({"loss": 0.5, "acc": {"top1": 0.9}}, step=7)
        run.log_params({"model": {"depth": 3}})
        run.set_tag("phase", "warm-up")
        run.delete_tag("phase")
        run.log_text("hello", "notes/a.txt")

    writer = writer_in(spool)
    identity = writer.header.identity
    assert (identity.run_id, identity.experiment, identity.rank) == (run.run_id, "digits", None)
    assert identity.server_uri == ""
    assert writer.ops == [
        "create_run",
        "set_tags",
        "log_params",
        "set_tags",
        "delete_tags",
        "finish_writer",
        "finish_run",
    ]
    assert writer.only("create_run")["name"] == "first"
    assert writer.only("finish_run")["status"] == "FINISHED"
    assert writer.params == {"model/depth": "3"}
    assert writer.tags.items() >= {"team": "a", "mlflow.runName": "first"}.items()
    assert "mlflow.source.name" in writer.tags
    assert writer.points() == [(7, "loss", 0.5), (7, "acc/top1", 0.9)]
    assert writer.artifacts == {"notes/a.txt": b"hello"}


def test_log_counts_steps_and_log_metric_does_not(spool: Path) -> None:
    with runstream.start_run() as run:
        run.log({"a": 1})
        run.log({"a": 2})
        run.log({"a": 3}, step=10)
        run.log({"a": 4})
        runstream.log_metric("a", 5)
        runstream.log_metrics({"a": 6}, 3, timestamp=1_500)
        run.log({"a": 7})

    rows = writer_in(spool).rows
    assert [row.step for row in rows] == [0, 1, 10, 11, 0, 3, 12]
    assert rows[5].time_us == 1_500_000


def test_log_is_the_writer_s_own_method() -> None:
    with runstream.start_run() as run:
        assert getattr(run.log, "__func__", None) is SpoolWriter.log


def test_the_functions_of_the_module_log_to_the_active_run(spool: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    with runstream.start_run():
        runstream.log_metric("m", 1.5, step=2)
        runstream.log_metrics({"n": 2})
        runstream.log_param("p", 1)
        runstream.log_params({"q": {"r": 2}})
        runstream.set_tag("s", 1)
        runstream.set_tags({"t": "u"})
        runstream.delete_tag("s")
        runstream.log_artifact(folder / "a.txt")
        runstream.log_artifact(folder, "below")
        runstream.log_artifacts(folder, "in/it")
        runstream.log_text("x", "x.txt")
        runstream.log_dict({"a": [1]}, "x.json")
    writer = writer_in(spool)

    assert writer.points() == [(2, "m", 1.5), (0, "n", 2.0)]
    assert writer.params == {"p": "1", "q/r": "2"}
    assert writer.only("delete_tags")["keys"] == ["s"]
    assert {path: content for path, content in writer.artifacts.items() if path != "x.json"} == {
        "a.txt": b"a",
        "below/out/a.txt": b"a",
        "in/it/a.txt": b"a",
        "x.txt": b"x",
    }
    assert writer.artifacts["x.json"].split() == b'{ "a": [ 1 ] }'.split()


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_end_run_says_how_it_ended(spool: Path, status: str) -> None:
    runstream.start_run()

    runstream.end_run(status)
    runstream.end_run()

    assert writer_in(spool).only("finish_run")["status"] == status
    assert writer_in(spool).only("finish_writer")["status"] == status


def test_an_unknown_status_ends_nothing() -> None:
    run = runstream.start_run()

    with pytest.raises(runstream.InvalidValue, match="cannot end as 'DONE'"):
        runstream.end_run("DONE")

    assert runstream.active_run() is run


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()])
def test_an_exception_ends_the_run_and_goes_on(spool: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), runstream.start_run():
        raise error

    finish = writer_in(spool).only("finish_writer")
    assert finish["status"] == ("FAILED" if isinstance(error, ValueError) else "KILLED")
    assert finish["status_message"].startswith("Traceback")
    assert runstream.active_run() is None


def test_long_failure_messages_keep_their_end(spool: Path) -> None:
    with pytest.raises(ValueError, match="xx"), runstream.start_run():
        raise ValueError("x" * 10_000 + " the end")

    message = writer_in(spool).only("finish_writer")["status_message"]
    assert len(message) == 5_000
    assert message.endswith("the end")


def test_a_run_that_was_ended_inside_its_block_stays_ended(spool: Path) -> None:
    with runstream.start_run():
        runstream.end_run("KILLED")

    assert writer_in(spool).only("finish_run")["status"] == "KILLED"


def test_logging_after_the_end_is_counted_and_does_not_raise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with runstream.start_run() as run:
        pass

    run.log({"a": 1})
    run.log_param("a", 1)

    assert run.rejected == {"closed": 1, "storage_records": 1}
    assert "log before the run ends" in caplog.text


def test_values_that_cannot_be_stored_are_counted_and_in_strict_mode_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with runstream.start_run() as run:
        run.log({"good": 1, "bad": "text"})
        assert run.rejected == {"value": 1}

    monkeypatch.setenv("RUNSTREAM_STRICT", "1")
    with runstream.start_run() as run, pytest.raises(runstream.InvalidValue, match="'bad'"):
        run.log({"bad": "text"})


def test_params_never_change(spool: Path) -> None:
    with runstream.start_run() as run:
        run.log_params({"a": 1, "b": 2})
        run.log_params({"a": "1", "c": 3})
        with pytest.raises(
            runstream.InvalidValue, match="'b' is '2' and cannot become '4'"
        ) as caught:
            run.log_params({"d": 5, "b": 4})

    assert caught.value.reason == "PARAM_CONFLICT"
    assert caught.value.metadata == {"key": "b", "stored": "2", "given": "4"}
    assert writer_in(spool).params == {"a": "1", "b": "2", "c": "3"}


def test_many_params_go_in_several_operations(spool: Path) -> None:
    params = {f"p{number}": number for number in range(2_500)}
    with runstream.start_run() as run:
        run.log_params(params)

    writer = writer_in(spool)
    assert writer.ops.count("log_params") == 3
    assert len(writer.params) == 2_500


@pytest.mark.parametrize(
    "given",
    [
        {"run_name": "x" * 501},
        {"run_name": "a\x00"},
        {"experiment": "e\n"},
        {"experiment": "e" * 501},
        {"tags": {"": 1}},
        {"run_id": "mine"},
        {"parent_run_id": "mine"},
        {"rank": -1},
    ],
)
def test_a_bad_argument_starts_no_run(spool: Path, given: dict[str, object]) -> None:
    with pytest.raises(runstream.InvalidValue):
        runstream.start_run(**given)  # type: ignore[arg-type]

    assert runstream.active_run() is None
    assert not spool.exists()


def test_a_spool_that_cannot_be_written_is_said_at_the_start(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("in the way")
    runstream.set_tracking_uri(f"file:{tmp_path / 'file' / 'spool'}")

    with pytest.raises(runstream.SpoolError, match="RUNSTREAM_SPOOL_DIR"):
        runstream.start_run()

    assert runstream.active_run() is None


def test_what_needs_a_server_says_so_when_there_is_none() -> None:
    with runstream.start_run() as run:
        for ask in (
            lambda: runstream.create_experiment("x"),
            runstream.get_artifact_uri,
            runstream.search_runs,
            lambda: runstream.get_run(run.run_id),
        ):
            with pytest.raises(runstream.ServerUnavailable, match="has no server"):
                ask()


def test_numbers_of_any_kind_come_back(spool: Path) -> None:
    np = pytest.importorskip("numpy")
    with runstream.start_run() as run:
        run.log({"f32": np.float32(0.1), "i": np.int64(3), "0d": np.array(2.5), "b": True})
        run.log({"nan": math.nan, "inf": -math.inf})

    points = {key: value for _, key, value in writer_in(spool).points()}
    assert points["f32"] == float(np.float32(0.1))
    assert (points["i"], points["0d"], points["b"], points["inf"]) == (3.0, 2.5, 1.0, -math.inf)
    assert math.isnan(points["nan"])


def test_a_run_logged_to_a_folder_waits_for_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with runstream.start_run() as run:
        pass

    assert run.finish() is True
    assert capfd.readouterr().err == ""


def test_finish_timeouts_that_are_none_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert finish_timeout_s() == 30
    for good, seconds in (("0", 0.0), ("2.5", 2.5)):
        monkeypatch.setenv("RUNSTREAM_FINISH_TIMEOUT", good)
        assert finish_timeout_s() == seconds
    for bad in ("soon", "-1", "nan", "inf"):
        monkeypatch.setenv("RUNSTREAM_FINISH_TIMEOUT", bad)
        with pytest.raises(runstream.InvalidValue, match="RUNSTREAM_FINISH_TIMEOUT is"):
            finish_timeout_s()
