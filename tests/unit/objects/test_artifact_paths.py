from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from tests.unit.objects.backends import RUN_ID

from runstream_server.objects.errors import InvalidPath
from runstream_server.objects.paths import Location, is_segment, split_path

BASE = f"7/{RUN_ID}/artifacts"
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
            Location(base=BASE, path=path)


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
    location = Location(base=BASE, path=path)
    assert location.key == f"{BASE}/{path}"


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
    "base", ["/", "/a", "a/", "a//b", "..", "a/../b", "a\\b", "7\n", "7\ud800", "x" * 256]
)
def test_a_base_keeps_the_rules_of_paths(base: str) -> None:
    with pytest.raises(InvalidPath):
        Location(base=base, path="a")


@pytest.mark.parametrize("top", [".uploads", ".Uploads", ".UPLOADS", ".upload\u017f"])
def test_what_is_the_stores_own_has_no_location(top: str) -> None:
    for base, path in ((top, ""), (top, "a"), (f"{top}/a", "b"), ("", top), ("", f"{top}/a/data")):
        with pytest.raises(InvalidPath, match="store's own"):
            Location(base=base, path=path)

    assert Location(base="a", path=top).segments == ("a", top)
    assert Location(path=f"{top}s").segments == (f"{top}s",)


def test_base_and_path_may_be_empty() -> None:
    assert Location().segments == ()
    assert Location(base="a/b").segments == ("a", "b")
    assert Location(path="a/b").segments == ("a", "b")
    for nameless in (Location(), Location(base=BASE)):
        with pytest.raises(InvalidPath, match="name a file"):
            nameless.require_file()


def test_base_and_path_together_have_a_limit() -> None:
    base = "/".join(["x" * 255] * 10)
    path = "/".join(["y" * 255] * 3)

    with pytest.raises(InvalidPath, match=r"more than 3072"):
        Location(base=base, path=path)
    assert Location(base=base, path="y" * 255).segments[-1] == "y" * 255
