from service.infrastructure.rabbitmq.reply_keys import ReplyKeys
from tests.unit.pkg.test_direct_replies import PROCESS, key

OTHER_CHANNEL = PROCESS.replace(b"\x03\x10", b"\x03\x11")
OTHER_NODE = PROCESS.replace(b"32306036", b"32306037")
ODD = PROCESS + b"x"


def test_a_key_is_proven_by_one_of_its_channel_or_of_its_node() -> None:
    keys = ReplyKeys()

    assert not keys.are_proven(key())
    keys.prove(key())
    assert keys.are_proven(key())
    assert keys.are_proven(key(OTHER_CHANNEL))
    assert not keys.are_proven(key(OTHER_NODE))
    assert not keys.are_proven(key(ODD))


def test_a_key_of_a_kind_that_we_do_not_know_is_proven_by_itself_alone() -> None:
    keys = ReplyKeys()
    keys.prove(key(ODD))

    assert keys.are_proven(key(ODD))
    assert not keys.are_proven(key())


def test_other_names_need_no_proof_and_give_none() -> None:
    keys = ReplyKeys()
    keys.prove("amq.gen-a")

    assert keys.are_proven("amq.gen-a")
    assert not keys.are_proven("amq.rabbitmq.reply-to.AAAA.BBBB")


def test_no_more_is_remembered_than_there_is_a_use_for() -> None:
    keys = ReplyKeys()
    keys.prove(key(ODD))
    for number in range(10_000):
        keys.prove(key(ODD + number.to_bytes(4, "big")))

    assert not keys.are_proven(key(ODD))


def test_what_is_forgotten_has_to_be_proven_again() -> None:
    keys = ReplyKeys()
    keys.prove(key())
    keys.prove(key(ODD))

    keys.forget()

    assert not keys.are_proven(key())
    assert not keys.are_proven(key(ODD))
