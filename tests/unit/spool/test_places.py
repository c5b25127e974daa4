"""Where a spool lies."""

from pathlib import Path

import pytest

from runstream._spool import default_spool_dir
from runstream._spool.paths import is_id


def test_the_environment_says_where_the_spool_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTREAM_SPOOL_DIR", str(tmp_path / "here"))
    assert default_spool_dir() == tmp_path / "here"


def test_a_relative_spool_is_one_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNSTREAM_SPOOL_DIR", "here")
    assert default_spool_dir() == tmp_path / "here"


def test_else_it_is_in_the_home_folder_apart_for_each_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNSTREAM_SPOOL_DIR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    places: list[Path] = []
    for text in ("one\n", "two\n", "uninitialized\n", ""):
        file = tmp_path / "machine-id"
        file.write_text(text)
        monkeypatch.setattr("runstream._spool.paths._MACHINE_ID_FILES", (tmp_path / "absent", file))
        places.append(default_spool_dir())

    assert {place.parent for place in places} == {tmp_path / ".local" / "state" / "runstream"}
    assert all(is_id(place.name) for place in places)
    assert len(set(places)) == 3
    assert places[2] == places[3], "without an id it is the host's name"
    assert default_spool_dir() == places[3]
