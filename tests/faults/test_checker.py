"""The checker on histories made by hand: one that is as it should be, and each way in which one is not."""

from collections.abc import Callable

import pytest

from tests.faults.checker import violations
from tests.faults.history_mutations import MUTATIONS
from tests.faults.records import Answer, History, Sent
from tests.faults.sample_history import ADA, ADDRESS, ask, commit, sound


def test_a_history_as_it_should_be_is_called_so() -> None:
    assert violations(sound()) == []


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_what_is_wrong_with_a_history_is_said(mutate: Callable[[History], None]) -> None:
    history = sound()
    mutate(history)

    assert MUTATIONS[mutate] in violations(history)


def test_a_read_that_was_begun_before_a_change_may_show_what_was() -> None:
    history = sound()
    history.sent.append(Sent("9", 0, "profile.get", {"id": "ada"}, 4.2, patience=2.0))
    history.answers.append(Answer("9", {"ok": True, "result": {"id": "ada", "version": 2}}, 9.0))

    assert violations(history) == []


def test_what_too_many_workers_have_died_over_is_with_the_operators() -> None:
    history = sound()
    body = {**ADA, "last_name": "c0-5"}
    ask(history, "9", "profile.create", body, None, command="c0-5", patience=None, waits=False)
    assert violations(history) == ["lost: profile.create c0-5, left with the broker"]
    history.dead_lettered["c0-5"] = "TooManyDeliveries"

    assert violations(history) == []


def test_an_address_is_free_once_its_owner_has_left_it() -> None:
    history = sound()
    body = {**ADA, "last_name": "c0-5"}
    ask(history, "9", "profile.create", body, {"id": "bob", "version": 1}, command="c0-5")
    commit(history, 1, "c0-5", status="active", address=ADDRESS, thing="bob")

    assert violations(history) == []


@pytest.mark.parametrize("is_taken", [True, False])
def test_an_answer_is_owed_to_what_the_broker_has_confirmed(*, is_taken: bool) -> None:
    history = sound()
    history.sent.append(Sent("9", 0, "profile.get", {"id": "ada"}, 4.2, is_taken=is_taken))

    assert violations(history) == (["unanswered: profile.get 9 (None)"] if is_taken else [])
