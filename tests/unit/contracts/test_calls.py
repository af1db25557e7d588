"""What is sent for a call of the typed client."""

from profile_contracts.client.calls import Call
from profile_contracts.operations import PROFILE_GET


def test_a_request_says_nothing_of_itself_to_a_log() -> None:
    call = Call.of(PROFILE_GET, b"canary", "canary-token", {}, user="gateway", deadline=None)

    assert call.message("").headers["authorization"] == "Bearer canary-token"
    assert "canary" not in repr(call.message("")) + repr(call)
