from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from tests.unit.objects.backends import RUN_ID

from runstream_server.objects.errors import InvalidName, InvalidPath
from runstream_server.objects.paths import Location, is_segment, split_path

HOSTILE = [
    ("", "is empty"),
    ("/", "must be relative"),
    ("/etc/passwd", "must be relative"),
    ("//a", "must be relative"),
    ("a//b", "empty segment"),
    ("a/", "empty segment"),
    (".", r"the segment '\.'"),
    ("..", r"the segment '\.\.'"),
    ("../a", r"the segment '\.\.'"),
    ("a/../b", r"the segment '\.\.'"),
    ("a/./b", r"the segment '\.'"),
    ("a/..", r"the segment '\.\.'"),
    ("..\\a", "backslash"),
    ("C:\\a", "backslash"),
    ("a\\..\\b", "backslash"),
    ("a\0b", "control character"),
    ("a\nb", "control character"),
    ("a\x1b[2J", "control character"),
    ("a\x7f", "control character"),
    ("a\x85b", "control character"),
    ("a\ud800", "lone surrogate"),
    ("\udcff", "lone surrogate"),
    ("x" * 256, "segment of 256 bytes"),
    ("é" * 128, "segment of 256 bytes"),
    ("a/" * 512 + "b", "1025 bytes"),
    ("x" * 1_000_000, "1000000 bytes"),
]


@pytest.mark.parametrize(("path", "rule"), HOSTILE)
def test_a_hostile_path_is_refused_with_its_rule_and_value(path: str, rule: str) -> None:
    with pytest.raises(InvalidPath, match=rule) as raised:
        split_path(path)

    assert raised.value.value == path
    assert len(str(raised.value)) < 1000
    assert str(raised.value).isprintable()
    if path:
        with pytest.raises(InvalidPath):
            Location(experiment_id="7", run_id=RUN_ID, path=path)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b/c.txt",
        "...",
        "..a",
        "a..",
        ".hidden/.uploads",
        "%2e%2e/x",
        "C:/a",
        "~/a",
        " a / b ",
        "épée/漢字/😀",
        "x" * 255,
        "é" * 127,
        "a/" * 511 + "bc",
        "con",
        "-rf",
        "a?b#c&d*e|f",
    ],
)
def test_an_odd_but_plain_path_is_taken(path: str) -> None:
    assert "/".join(split_path(path)) == path
    location = Location(experiment_id="0", run_id=RUN_ID, path=path)
    assert location.key == f"0/{RUN_ID}/artifacts/{path}"


@given(st.text(st.sampled_from("ab./\\\0é \ud800"), max_size=12))
def test_what_is_taken_stays_below_its_folder(path: str) -> None:
    try:
        segments = split_path(path)
    except InvalidPath:
        return

    assert all(is_segment(segment) for segment in segments)
    assert not set(segments) & {"", ".", ".."}
    assert not set(path) & set("\\\0\ud800")


@pytest.mark.parametrize(
    ("experiment_id", "run_id"),
    [
        ("", RUN_ID),
        ("..", RUN_ID),
        (".uploads", RUN_ID),
        ("007", RUN_ID),
        ("-1", RUN_ID),
        ("1" * 20, RUN_ID),
        ("٣", RUN_ID),
        ("7\n", RUN_ID),
        ("7", ""),
        ("7", ".."),
        ("7", RUN_ID.upper()),
        ("7", RUN_ID + "0"),
        ("7", RUN_ID[:-1] + "/"),
        ("7", RUN_ID + "\n"),
    ],
)
def test_ids_that_are_not_ids_are_refused(experiment_id: str, run_id: str) -> None:
    with pytest.raises(InvalidName, match="is not"):
        Location(experiment_id=experiment_id, run_id=run_id, path="a")


def test_the_empty_path_is_the_top_folder() -> None:
    top = Location(experiment_id="7", run_id=RUN_ID)

    assert top.segments == ("7", RUN_ID, "artifacts")
    with pytest.raises(InvalidPath, match="name a file"):
        top.require_file()
