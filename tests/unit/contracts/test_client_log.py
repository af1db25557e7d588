import inspect
import logging
import re

import aiormq.channel
import pytest

import profile_contracts.client.channel  # noqa: F401 - it hides what aiormq would show


def test_a_request_that_comes_back_when_its_call_has_given_up_is_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """There may be a password in it. What aiormq says is taken from its source, and may not change unseen."""
    says = r'delivery_tag is None.*\n\s+log\.error\("(.+)", message\)'
    (sentence,) = re.findall(says, inspect.getsource(aiormq.channel))
    logging.getLogger("aiormq.channel").error(sentence, b"correct horse")

    assert len(caplog.messages) == 1
    assert "correct horse" not in caplog.text
