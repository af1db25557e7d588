"""What is sent for a call of the typed client."""

import pytest

from profile_contracts.call_options import headers
from profile_contracts.client.calls import Call
from profile_contracts.errors import NotSent
from profile_contracts.operations import PROFILE_GET


def test_a_request_says_nothing_of_itself_to_a_log() -> None:
    call = Call.of(PROFILE_GET, b"canary", "canary-token", {}, user="gateway", deadline=None)

    assert call.message("").headers["authorization"] == "Bearer canary-token"
    assert "canary" not in repr(call.message("")) + repr(call)


def test_only_where_there_is_none_no_token_is_sent() -> None:
    assert headers(None, {}) == {}
    assert headers("a.b~c/d==", {}) == {"authorization": "Bearer a.b~c/d=="}


@pytest.mark.parametrize("token", ["", " ", "=", "a===", "two words", "x" * 8193])
def test_what_is_no_token_is_not_sent(token: str) -> None:
    with pytest.raises(NotSent):
        headers(token, {})


def test_of_an_address_as_much_is_sent_as_the_service_reads() -> None:
    longest = "fe80::1%" + "x" * 56

    assert headers(None, {"client_ip": longest}) == {"x-client-ip": longest}
    for no_address in (f"{longest}x", "fe80::1%\ud800", "fe80::1%a b", "nowhere"):
        with pytest.raises(NotSent):
            headers(None, {"client_ip": no_address})
