import pytest

from service.infrastructure.inputports.amqp.reply_to_policy import ReplyToPolicy
from tests.fakes.broker import REPLY_TO


@pytest.mark.parametrize(
    "queue",
    [
        REPLY_TO,
        "amq.rabbitmq.reply-to.g1h2AA5yZXBseUAxNDc1NTkzOQAACDkAAAAAZz6z9w==.nIVZ4+/_x==",
        "amq.gen-JzTY20BRgKO-HjmUJj0wLg",
    ],
)
def test_queues_that_the_broker_named_are_written_to(queue: str) -> None:
    assert ReplyToPolicy().allow(queue)


@pytest.mark.parametrize(
    "queue",
    [
        "",
        "profile.create",
        "profile.create.dlq",
        "gateway.replies",
        "amq.rabbitmq.reply-to",
        "amq.rabbitmq.reply-to.",
        "amq.rabbitmq.reply-to.a|b",
        "amq.rabbitmq.trace",
        "amq.gen-",
        "amq.gen",
        "amq.direct",
        "x amq.gen-a",
        "amq.gen-a b",
        "amq.gen-a\n",
        "\namq.gen-a",
        "amq.gen-a\0",
        "amq.gen-\u00e9",
        "AMQ.GEN-a",
        "amqXgen-a",
        "amq.rabbitmqXreply-to.a",
    ],
)
def test_no_other_queue_is_written_to(queue: str) -> None:
    assert not ReplyToPolicy().allow(queue)


def test_prefixes_open_further_queues() -> None:
    policy = ReplyToPolicy(("gateway.replies.", "bff."))

    assert policy.allow("gateway.replies.1")
    assert policy.allow("bff.x")
    assert policy.allow("amq.gen-a")
    assert not any(policy.allow(each) for each in ("", "gateway.replies", "xbff.x", "Bff.x", "profile.get"))


@pytest.mark.parametrize(
    ("queue", "user", "allowed"),
    [
        ("gateway.replies", "gateway", True),
        ("gateway.", "gateway", True),
        ("gateway.replies", None, False),
        ("gateway.replies", "", False),
        ("gateway.replies", "hr", False),
        ("gatewayreplies", "gateway", False),
        ("profile.create", "profile", False),
        ("auth.login", "auth", False),
        ("amq.rabbitmq.trace", "amq", False),
    ],
)
def test_a_user_opens_the_queues_of_that_name_unless_they_are_ours(
    queue: str, user: str | None, *, allowed: bool
) -> None:
    assert ReplyToPolicy().allow(queue, user) is allowed


def test_no_prefix_opens_our_own_queues() -> None:
    assert not ReplyToPolicy(("profile.", "a", "")).allow("profile.create")
    assert not ReplyToPolicy(("profile.", "a", "")).allow("auth.login")
