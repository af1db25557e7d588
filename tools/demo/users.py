"""The life of one user: signs up, changes, writes, and leaves."""

from uuid import UUID

from pydantic import SecretStr

from profile_contracts.auth import LogIn, LogOut, Refresh, Scope, Tokens, VerifyToken
from profile_contracts.posts import CreatePost, DeletePost, GetPost, Post, UpdatePost
from profile_contracts.profiles import CreateProfile, DeleteProfile, GetProfile, Profile, UpdateProfile
from tools.demo.asking import PASSWORD, Demo
from tools.demo.logins import forget_the_password, see_sessions, use_a_second_factor, verify_the_address
from tools.demo.operators import look_after_users, take_users_over


async def play(demo: Demo) -> None:
    """Play the life of one user, and what operators do about it."""
    client, ask = demo.client, demo.expect
    ada = CreateProfile(
        first_name="Ada",
        last_name="Lovelace",
        email="Ada@Example.org",
        password=PASSWORD,
    )
    profile = await ask("Sign up", ada, client.create_profile(ada))
    login = LogIn(email="ada@example.ORG", password=PASSWORD)
    tokens = await ask("Log in, with the address in another spelling", login, client.log_in(login))
    if not isinstance(profile, Profile) or not isinstance(tokens, Tokens):
        return
    refresh = Refresh(refresh_token=SecretStr(tokens.refresh_token))
    await ask("Exchange the refresh token", refresh, client.refresh(refresh))
    await change(demo, profile.id, tokens.access_token)
    await write(demo, tokens.access_token)
    await verify_the_address(demo, profile.id, tokens.access_token)
    await use_a_second_factor(demo, ada.email, tokens.access_token)
    await see_sessions(demo, profile.id, tokens.access_token)
    wrong = LogIn(email=ada.email, password=SecretStr("a wrong guess"))
    await ask("Log in with a wrong password", wrong, client.log_in(wrong), "invalid_credentials")
    await ask("Sign up with the same address", ada, client.create_profile(ada), "email_taken")
    await demo.malformed()
    token = await forget_the_password(demo, ada.email, tokens.access_token)
    if token:
        await leave(demo, profile.id, token)
    await take_users_over(demo)
    await look_after_users(demo, profile.id, ada.email)


async def change(demo: Demo, who: UUID, token: str) -> None:
    """Read the profile, change it, and change it once more from a version that is gone."""
    client, ask = demo.client, demo.expect
    get = GetProfile(id=who)
    await ask("Read the profile", get, client.get_profile(get, token))
    verify = VerifyToken(token=SecretStr(token))
    await ask("Ask whether the access token is good", verify, client.verify_token(verify))
    update = UpdateProfile(id=who, expected_version=1, last_name="King", attributes={"plan": "gold"})
    await ask("Change the name", update, client.update_profile(update, token))
    stale = UpdateProfile(id=who, expected_version=1, last_name="Byron")
    await ask("Change it from a stale version", stale, client.update_profile(stale, token), "stale_version")


async def write(demo: Demo, token: str) -> None:
    """Write a post, which anybody may read, change it, and delete it."""
    client, ask = demo.client, demo.expect
    words = CreatePost(title="Note G", body="It weaves algebraic patterns.")
    post = await ask("Write a post", words, client.create_post(words, token))
    if not isinstance(post, Post):
        return
    get = GetPost(id=post.id)
    await ask("Read the post, as nobody in particular", get, client.get_post(get))
    update = UpdatePost(id=post.id, title="Note H")
    await ask("Change its title", update, client.update_post(update, token))
    delete = DeletePost(id=post.id, expected_version=2)
    await ask("Delete the post", delete, client.delete_post(delete, token))
    await ask("Read it after that", get, client.get_post(get), "post_not_found")


async def leave(demo: Demo, who: UUID, token: str) -> None:
    """Delete the profile, and look for it."""
    client, ask = demo.client, demo.expect
    elsewhere = LogOut(scope=Scope.OTHERS)
    await ask("Log out everywhere else", elsewhere, client.log_out(elsewhere, token))
    delete = DeleteProfile(id=who)
    await ask("Delete the profile", delete, client.delete_profile(delete, token))
    get = GetProfile(id=who)
    await ask(
        "Read it after that: the session is over, too", get, client.get_profile(get, token), "session_ended"
    )
