"""Rules for what clients send, where gRPC cannot break them: doors that take other texts can."""

import pytest

from runstream_server.core import validation
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.run_ids import new_run_id
from runstream_server.core.run_names import new_run_name


def test_lone_surrogates_are_refused_in_keys_and_texts() -> None:
    with pytest.raises(Failure, match="lone surrogate") as key:
        validation.check_key("params", "a\ud800")
    with pytest.raises(Failure, match="lone surrogate") as text:
        validation.check_text("value", "a\udfff", 10)

    assert key.value.reason is Reason.INVALID_KEY
    assert text.value.reason is Reason.INVALID_VALUE


@pytest.mark.parametrize("key", ["a", "acc@5", "train/loss", "ключ", "🦒" * 250, " a b ", "\u2028"])
def test_keys_hold_any_characters_but_control_characters(key: str) -> None:
    assert validation.check_key("params", key) == key


@pytest.mark.parametrize("key", ["", "a\x00", "\n", "\x1f", "\x7f", "\x80", "\x9f", "k" * 251])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(Failure) as refused:
        validation.check_key("params", key)

    assert refused.value.reason is Reason.INVALID_KEY
    assert refused.value.metadata == {"field": "params", "value": key}


def test_long_values_are_cut_in_messages_and_told_by_length() -> None:
    with pytest.raises(Failure) as refused:
        validation.check_hex_id("run_id", "x" * 100_000)

    assert len(refused.value.message) < 400
    assert len(refused.value.metadata["value"]) <= 500


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("17", 17), (str(2**63 - 1), 2**63 - 1)])
def test_experiment_ids_are_decimal_integers(text: str, number: int) -> None:
    assert validation.parse_experiment_id("experiment_id", text) == number


@pytest.mark.parametrize("text", ["+1", "-1", "00", "1.0", " 1", "1\n", "٣", str(2**63)])
def test_nothing_else_is_an_experiment_id(text: str) -> None:
    with pytest.raises(Failure, match="decimal integer"):
        validation.parse_experiment_id("experiment_id", text)


def test_made_up_ids_and_names_keep_the_rules() -> None:
    ids = {new_run_id() for _ in range(1_000)}
    names = {new_run_name() for _ in range(1_000)}

    assert len(ids) == 1_000
    assert all(validation.check_hex_id("run_id", run_id) for run_id in ids)
    assert len(names) > 900
    assert all(name.count("-") == 2 for name in names)
