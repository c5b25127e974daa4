"""Which run is sealed next."""

from runstream_server.core.sealing.agenda import Agenda


def test_the_run_that_has_been_due_for_longest_comes_first() -> None:
    agenda = Agenda()
    agenda.put("late", 30)
    agenda.put("early", 10)

    assert agenda.first(now=9.9) is None
    assert agenda.first(now=40) == "early"
    agenda.drop("early")
    assert agenda.first(now=29.9) is None
    assert agenda.first(now=30) == "late"


def test_a_run_due_at_once_goes_before_all_others() -> None:
    agenda = Agenda()
    agenda.put("old", 1)
    agenda.put("full", 50)
    agenda.put("full")

    assert agenda.first(now=40) == "full"


def test_a_run_that_is_postponed_waits() -> None:
    agenda = Agenda()
    agenda.put("failing")
    agenda.put("failing", 60)

    assert agenda.first(now=59) is None
    assert "failing" in agenda


def test_a_run_that_was_dropped_and_comes_back_is_due_once() -> None:
    agenda = Agenda()
    agenda.put("a", 5)
    agenda.drop("a")
    agenda.put("a", 5)
    agenda.drop("a")

    assert agenda.first(now=10) is None
    assert "a" not in agenda
