from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from aio_pika import DeliveryMode
from hypothesis import given
from hypothesis import strategies as st
from pamqp import decode, encode
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from service.infrastructure.rabbitmq.lenient_codec import install_lenient_codec
from tests.any_text import CHARACTERS

MARK = "MARK"
PLAIN = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(CHARACTERS, max_size=20)
    | st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis adds it
        lambda moment: moment.replace(microsecond=0)
    )
)
TABLES = st.dictionaries(
    st.text("abc-", min_size=1, max_size=8),
    st.recursive(
        PLAIN,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


@pytest.fixture(scope="module", autouse=True)
def _any_bytes() -> Any:
    """Replace the decoders, and put pamqp's own back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "METHODS", dict(decode.METHODS))
        patch.setattr(decode, "TABLE_MAPPING", dict(decode.TABLE_MAPPING))
        patch.setattr(encode, "METHODS", dict(encode.METHODS))
        patch.setattr(Basic.Properties, "_delivery_mode", Basic.Properties._delivery_mode)  # noqa: SLF001
        install_lenient_codec()
        yield


def received(data: bytes) -> Basic.Properties:
    """Return the properties in *data*, as aiormq reads them."""
    header = ContentHeader()
    header.unmarshal(data)
    properties: Basic.Properties = header.properties
    return properties


def sent(properties: Basic.Properties) -> bytes:
    """Return *properties* as they go over the wire."""
    return ContentHeader(properties=properties).marshal()


def with_bytes(properties: Basic.Properties, raw: bytes) -> bytes:
    """Return *properties* on the wire with *raw* in place of the mark."""
    return sent(properties).replace(MARK.encode(), raw)


@given(st.binary(min_size=4, max_size=4))
def test_a_property_of_any_bytes_is_read_and_echoed_as_it_was(raw: bytes) -> None:
    properties = received(with_bytes(Basic.Properties(correlation_id=MARK), raw))

    assert sent(properties) == with_bytes(Basic.Properties(correlation_id=MARK), raw)


@pytest.mark.parametrize(
    "name", ["content_type", "correlation_id", "reply_to", "message_id", "message_type", "user_id", "app_id"]
)
def test_every_property_may_hold_bytes_that_are_no_text(name: str) -> None:
    marked: dict[str, Any] = {name: MARK}
    properties = received(with_bytes(Basic.Properties(**marked), b"\xff\xfe\x00\xc3"))

    assert getattr(properties, name) == "\udcff\udcfe\0\udcc3"


def test_the_name_of_a_header_may_be_no_text() -> None:
    properties = received(with_bytes(Basic.Properties(headers={MARK: 1, "other": 2}), b"\xff\xfe\xfd\xfc"))

    assert properties.headers == {"\udcff\udcfe\udcfd\udcfc": 1, "other": 2}


def test_a_time_after_the_year_9999_is_the_last_one() -> None:
    far = (2**63 - 1).to_bytes(8, "big")
    marked = datetime.fromtimestamp(int.from_bytes(b"\0\0\0\0MARK", "big"), UTC)
    properties = Basic.Properties(timestamp=marked, headers={"x-at": marked})
    read = received(sent(properties).replace(b"\0\0\0\0MARK", far))

    assert read.timestamp == datetime.max.replace(tzinfo=UTC)
    assert read.headers == {"x-at": datetime.max.replace(tzinfo=UTC)}


@pytest.mark.parametrize(("sent_as", "read_as"), [(0, 1), (1, 1), (2, 2), (3, 1), (255, 1)])
def test_of_delivery_modes_only_persistent_is_persistent(sent_as: int, read_as: int) -> None:
    """RabbitMQ 4 passes any octet on, and aio-pika can't make a message with another one."""
    properties = Basic.Properties(delivery_mode=1)
    properties.delivery_mode = sent_as
    read = received(sent(properties))

    assert read.delivery_mode == read_as
    assert DeliveryMode(read.delivery_mode) is list(DeliveryMode)[read_as - 1]


def nested_table(depth: int) -> bytes:
    """Return a table in a table in a table … as the value of a header."""
    table = (0).to_bytes(4, "big")
    for _ in range(depth):
        entry = b"\x01aF" + table
        table = len(entry).to_bytes(4, "big") + entry
    return b"F" + table


def nested_array(depth: int) -> bytes:
    """Return an array in an array in an array … as the value of a header."""
    array = (0).to_bytes(4, "big")
    for _ in range(depth):
        array = (len(array) + 1).to_bytes(4, "big") + b"A" + array
    return b"A" + array


@pytest.mark.parametrize("nested", [nested_table(5000), nested_array(5000)], ids=["tables", "arrays"])
def test_what_is_nested_too_deep_is_cut_off_and_the_rest_is_read(nested: bytes) -> None:
    entry = b"\x04deep" + nested + b"\x05after" + b"I" + (7).to_bytes(4, "big")
    headers: Any = decode.METHODS["table"](len(entry).to_bytes(4, "big") + entry)[1]

    assert set(headers) == {"deep", "after"}
    assert headers["after"] == 7


def test_of_headers_without_end_some_are_read_and_the_rest_is_passed_over() -> None:
    read = received(sent(Basic.Properties(headers={f"x-{n:04}": n for n in range(5000)}, correlation_id="c")))
    headers = read.headers or {}

    assert list(headers.items()) == [(f"x-{n:04}", n) for n in range(256)]
    assert read.correlation_id == "c"


def test_behind_headers_without_end_it_is_seen_how_often_it_came_and_that_there_is_a_token() -> None:
    many: dict[str, Any] = {f"a-{n:04}": None for n in range(300)}  # names are written in their order
    later: dict[str, Any] = {f"b-{n:04}": None for n in range(300)}
    # RabbitMQ writes it in eight bytes, which pamqp does with large numbers only.
    count = 2**40
    said: dict[str, Any] = {"authorization": "Bearer x", "x-delivery-count": count}
    hidden = received(sent(Basic.Properties(headers={**many, **said}))).headers or {}
    shown = received(sent(Basic.Properties(headers={**said, **later}))).headers or {}
    without = received(sent(Basic.Properties(headers=many))).headers or {}

    assert (hidden["x-delivery-count"], hidden["authorization"]) == (count, "")  # which is no token
    assert (shown["x-delivery-count"], shown["authorization"]) == (count, "Bearer x")
    assert not said.keys() & without.keys()


def test_of_two_headers_of_one_name_the_first_counts() -> None:
    """RabbitMQ 3.10 writes into the first one, and passes the second one on."""
    entry = b"\x01nI" + (9).to_bytes(4, "big") + b"\x01nI" + (0).to_bytes(4, "big")

    assert decode.METHODS["table"](len(entry).to_bytes(4, "big") + entry)[1] == {"n": 9}


def test_what_stands_in_arrays_counts_as_well() -> None:
    headers: Any = received(sent(Basic.Properties(headers={"a": [[1] * 200] * 20, "b": 1}))).headers

    assert list(headers) == ["a"]
    assert sum(len(each) for each in headers["a"]) < 256


def test_every_type_of_value_is_read_to_its_end() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    values = [
        True,
        -1,
        2**40,
        1.5,
        Decimal("1.5"),
        "text",
        "é" * 300,
        bytearray(b"\xff"),
        moment,
        None,
        [1, "a"],
        {"a": [2]},
    ]
    headers: Any = {f"x-{number}": value for number, value in enumerate([*values, *values])}

    assert received(sent(Basic.Properties(headers=headers))).headers == headers


@given(TABLES)
def test_what_is_well_formed_is_read_as_ever(headers: dict[str, Any]) -> None:
    properties = received(sent(Basic.Properties(headers=headers, correlation_id="c-\u00e9", priority=3)))

    assert (properties.headers or {}) == headers
    assert (properties.correlation_id, properties.priority) == ("c-\u00e9", 3)


def test_a_property_has_at_most_255_bytes() -> None:
    assert len(encode.METHODS["shortstr"]("\u00e9" * 127 + "a")) == 256

    with pytest.raises(TypeError, match="at most 255 bytes"):
        encode.METHODS["shortstr"]("\u00e9" * 128)
