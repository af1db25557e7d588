"""When it is worth a try to send over another channel what a queue refuses over this one."""

from itertools import count

from profile_contracts.client.refusals import Refusals


def refused(refusals: Refusals, *seconds: float) -> bool:
    for second in seconds:
        refusals.on_refused(second)
    return refusals.are_lasting


def seconds_until_lasting(refusals: Refusals) -> float:
    return next(second for second in count() if refused(refusals, second))


def test_a_queue_that_has_refused_all_for_two_seconds_is_worth_it() -> None:
    assert not refused(Refusals(), 5.0, 6.9)
    assert refused(Refusals(), 5.0, 6.9, 7.0)


def test_a_queue_that_has_taken_something_is_full() -> None:
    refusals = Refusals()
    assert not refused(refusals, 0.0)
    refusals.on_taken()
    assert not refused(refusals, 2.0, 100.0)


def test_each_try_in_vain_puts_the_next_one_off_up_to_a_minute() -> None:
    refusals, waits = Refusals(), list[float]()
    for _ in range(8):
        waits.append(seconds_until_lasting(refusals))
        refusals = refusals.begin_anew()
    assert waits == [2, 4, 8, 16, 32, 64, 64, 64]


def test_a_channel_that_is_given_up_for_another_queue_leaves_us_as_patient_as_we_are() -> None:
    in_vain = Refusals()
    seconds_until_lasting(in_vain)
    waiting = in_vain.begin_anew()
    assert not refused(waiting, 0.0)
    assert seconds_until_lasting(waiting.begin_anew()) == 4


def test_a_channel_that_broke_by_itself_puts_nothing_off() -> None:
    in_vain = Refusals()
    seconds_until_lasting(in_vain)
    assert seconds_until_lasting(in_vain.begin_anew().begin_anew()) == 2
