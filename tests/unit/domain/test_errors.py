import pytest

from service.domain import errors
from service.domain.errors import ServiceError


@pytest.mark.parametrize(
    ("kind", "retryable"),
    [
        (errors.Invalid, False),
        (errors.Unauthenticated, False),
        (errors.Forbidden, False),
        (errors.NotFound, False),
        (errors.Conflict, False),
        (errors.RateLimited, True),
        (errors.DeadlineExceeded, True),
        (errors.Unavailable, True),
    ],
)
def test_a_kind_says_whether_trying_again_helps(kind: type[ServiceError], *, retryable: bool) -> None:
    assert kind.retryable is retryable
