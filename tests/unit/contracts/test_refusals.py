"""When a client takes it that another channel may do what this one refuses."""

from profile_contracts.client.refusals import Refusals


def refused(refusals: Refusals, *seconds: float, queue: str = "auth.keys") -> bool:
    for second in seconds:
        refusals.on_refused(queue, second)
    return refusals.are_lasting


def lasting(refusals: Refusals) -> float:
    """Return after how many seconds *refusals* are lasting."""
    return next(second for second in range(1_000) if refused(refusals, float(second)))


def test_a_queue_that_refuses_all_for_two_seconds_makes_us_try_another_channel() -> None:
    assert not refused(Refusals(), 5.0, 6.9)
    assert refused(Refusals(), 5.0, 6.9, 7.0)


def test_what_another_queue_takes_is_no_excuse() -> None:
    refusals = Refusals()
    refusals.on_taken("profile.get")
    assert refused(refusals, 0.0, 2.0)


def test_a_queue_that_has_taken_something_is_full() -> None:
    refusals = Refusals()
    assert not refused(refusals, 0.0)
    refusals.on_taken("auth.keys")
    assert not refused(refusals, 2.0, 100.0)


def test_two_queues_that_refuse_once_are_not_one_that_goes_on() -> None:
    refusals = Refusals()
    refused(refusals, 0.0, queue="profile.get")
    assert not refused(refusals, 2.0)


def test_each_channel_in_vain_makes_us_more_patient_up_to_a_minute() -> None:
    refusals, waits = Refusals(), list[float]()
    for _ in range(8):
        waits.append(lasting(refusals))
        refusals = refusals.on_next_channel()
    assert waits == [2, 4, 8, 16, 32, 64, 64, 64]


def test_a_channel_that_broke_by_itself_makes_nobody_patient() -> None:
    vain = Refusals()
    lasting(vain)
    assert lasting(vain.on_next_channel().on_next_channel()) == 2
