import base64

import pytest

from service.pkg.direct_replies import DirectReplyKey

# As RabbitMQ 3.10.8 has written it.
PROCESS = b"\x83Xv\x00\x0ereply@32306036\x00\x00\x03\x10\x00\x00\x00\x00k\x07\x80\x81"
NODE = PROCESS[:19]
TOKEN = "nHjw95yo5ue17c5J8tms8w=="


def key(process: bytes | str = PROCESS, token: str = TOKEN) -> str:
    """Return the key of a process, or of what claims to be one."""
    text = process if isinstance(process, str) else base64.b64encode(process).decode()
    return f"amq.rabbitmq.reply-to.{text}.{token}"


def test_a_key_names_a_process_and_its_node() -> None:
    parsed = DirectReplyKey.parse(key())

    assert parsed == DirectReplyKey(base64.b64encode(PROCESS).decode(), NODE)


@pytest.mark.parametrize(
    "forged",
    [
        "amq.rabbitmq.reply-to",
        "amq.rabbitmq.reply-to.",
        key("AAAA", "BBBB"),
        key("g1h2AA", "token=="),
        key("***"),
        key(""),
        key(token=""),
        key(b"\x84" + PROCESS[1:]),
        key(token="a.b"),
        key(token="a|b"),
        f" {key()}",
        f"{key()}\n",
        key().removesuffix(f".{TOKEN}"),
    ],
)
def test_what_the_broker_cannot_have_written_is_no_key(forged: str) -> None:
    assert DirectReplyKey.parse(forged) is None


@pytest.mark.parametrize(
    "process",
    [
        PROCESS[:-3],
        PROCESS + b"x",
        PROCESS.replace(b"\x00\x00\x03\x10", b"\x00\x80\x03\x10"),  # a number that this node cannot have
        PROCESS.replace(b"\x10\x00\x00\x00\x00", b"\x10\x00\x00\x20\x00"),  # a serial of that kind
        PROCESS.replace(b"v\x00\x0e", b"v\x00\x0f"),
        PROCESS.replace(b"v\x00\x0e", b"v\xff\xff"),
        PROCESS.replace(b"v", b"d"),
        b"\x83X",
        b"\x83Xv",
        b"\x83g",
    ],
)
def test_of_a_process_that_may_be_none_no_node_is_known(process: bytes) -> None:
    parsed = DirectReplyKey.parse(key(process))

    assert parsed is not None
    assert parsed.node == b""


def test_a_node_in_the_short_form_is_known_too() -> None:
    process = PROCESS.replace(b"v\x00\x0e", b"w\x0e")
    parsed = DirectReplyKey.parse(key(process))

    assert parsed is not None
    assert parsed.node == process[:18]
