"""What callers in Python may write that JSON has no word for."""

from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr, ValidationError

from profile_contracts.auth import ChangePassword, LogIn, Refresh
from profile_contracts.call_options import require_timeout
from profile_contracts.fields import Request
from profile_contracts.posts import GetPost, ListPosts
from profile_contracts.profiles import CreateProfile, ListProfiles, UpdateProfile

SECRET = SecretStr("correct horse battery")


@pytest.mark.parametrize("request_type", [ListPosts, ListProfiles])
def test_the_cursor_of_a_last_page_begins_anew(request_type: type[ListPosts | ListProfiles]) -> None:
    assert request_type(cursor=None).model_dump_json() == request_type().model_dump_json()


@pytest.mark.parametrize("body", ['{"cursor": null}', '{"user_id": null}'])
def test_on_the_wire_nothing_is_null(body: str) -> None:
    with pytest.raises(ValidationError):
        ListPosts.model_validate_json(body)


def test_an_id_may_be_text() -> None:
    some_id = uuid4()

    assert GetPost.model_validate({"id": str(some_id)}) == GetPost(id=some_id)
    assert isinstance(GetPost.model_validate({"id": str(some_id)}).id, UUID)


@pytest.mark.parametrize("wrong", ["x", 5, None])
def test_what_is_no_id_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        GetPost.model_validate({"id": wrong})


@pytest.mark.parametrize(
    "request_with_password",
    [
        CreateProfile(first_name="A", last_name="B", email="a@b.example", password=SECRET),
        LogIn(email="a@b.example", password=SECRET),
        ChangePassword(current_password=SECRET, new_password=SECRET),
        UpdateProfile(id=uuid4(), email="a@b.example", current_password=SECRET),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_timeout_too_short_to_hash_a_password_is_refused(request_with_password: Request) -> None:
    with pytest.raises(ValueError, match="at least 1 s"):
        require_timeout(0.9, request_with_password)
    assert require_timeout(1.0, request_with_password) == 1.0


@pytest.mark.parametrize(
    "other", [UpdateProfile(id=uuid4(), last_name="King"), Refresh(refresh_token=SECRET), GetPost(id=uuid4())]
)
def test_any_other_request_may_be_short(other: Request) -> None:
    assert require_timeout(0.1, other) == 0.1
