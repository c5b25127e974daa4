import pytest

from runstream._fluent.params import in_batches, param_texts, tag_texts
from runstream.errors import InvalidValue


def test_mappings_among_the_values_add_their_keys() -> None:
    params = {"lr": 0.1, "model": {"depth": 3, "block": {"kind": "res", 7: None}}, "empty": {}}

    assert param_texts(params) == {
        "lr": "0.1",
        "model/depth": "3",
        "model/block/kind": "res",
        "model/block/7": "None",
        "empty": "{}",
    }


def test_lists_stay_one_param() -> None:
    assert param_texts({"layers": [64, 64], "amp": True}) == {"layers": "[64, 64]", "amp": "True"}


def test_a_key_that_comes_twice_is_refused() -> None:
    with pytest.raises(InvalidValue, match="'a/b' comes twice"):
        param_texts({"a": {"b": 1}, "a/b": 2})


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "has 0 characters"),
        ("k" * 251, "has 251 characters"),
        ("a\nb", r"holds the character '\\n'"),
        ("a\ud800", "holds the character"),
    ],
)
def test_keys_that_cannot_be_stored_are_refused(key: str, said: str) -> None:
    for texts in (param_texts, tag_texts):
        with pytest.raises(InvalidValue, match=said) as caught:
            texts({"good": 1, key: 1})

        assert caught.value.reason == "INVALID_KEY"


def test_tag_keys_are_texts() -> None:
    with pytest.raises(InvalidValue, match="of type int"):
        tag_texts({1: "a"})  # type: ignore[dict-item]


def test_values_may_have_so_many_characters_and_no_more() -> None:
    assert param_texts({"a": "x" * 6_000}) == {"a": "x" * 6_000}
    assert tag_texts({"a": "x" * 8_000}) == {"a": "x" * 8_000}

    with pytest.raises(InvalidValue, match="has 6001 characters: shorten it to 6000, or log it"):
        param_texts({"a": "x" * 6_001})
    with pytest.raises(InvalidValue, match="has 8001 characters") as caught:
        tag_texts({"a": "x" * 8_001})

    assert caught.value.reason == "VALUE_TOO_LONG"


@pytest.mark.parametrize("value", ["a\x00", "\udfff"])
def test_values_that_no_database_takes_are_refused(value: str) -> None:
    with pytest.raises(InvalidValue, match="holds the character"):
        param_texts({"a": value})


def test_what_is_no_mapping_is_refused() -> None:
    for texts in (param_texts, tag_texts):
        with pytest.raises(InvalidValue, match="values by key"):
            texts([("a", 1)])  # type: ignore[arg-type]


def test_batches_hold_as_many_as_the_server_takes() -> None:
    entries = {str(number): "x" for number in range(2_001)}

    batches = list(in_batches(entries))

    assert [len(batch) for batch in batches] == [1_000, 1_000, 1]
    assert {key: value for batch in batches for key, value in batch.items()} == entries
