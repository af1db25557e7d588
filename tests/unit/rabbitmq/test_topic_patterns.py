import pytest

from service.infrastructure.rabbitmq.topic_patterns import matches


@pytest.mark.parametrize(
    ("pattern", "routing_key", "expected"),
    [
        ("#", "profile.created", True),
        ("#", "", True),
        ("profile.*", "profile.created", True),
        ("profile.*", "profile.created.twice", False),
        ("profile.*", "profile", False),
        ("profile.#", "profile", True),
        ("profile.#", "profile.created.twice", True),
        ("*.created", "post.created", True),
        ("#.created", "created", True),
        ("#.a.#.b", "a.x.a.y.b", True),
        ("#.a.#.b", "a.x.a.y", False),
        ("profile.created", "profile.created", True),
        ("profile.created", "profile.creates", False),
        ("profile.created", "profile", False),
        ("profile.c*", "profile.created", False),
    ],
)
def test_keys_are_matched_as_topic_exchanges_do(pattern: str, routing_key: str, *, expected: bool) -> None:
    assert matches(pattern, routing_key) is expected
