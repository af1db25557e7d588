from types import SimpleNamespace
from typing import Any, cast

from service.health import health_routes
from service.pkg.background import Background
from service.pkg.probes import Document


async def test_counts_are_grouped_by_operation_and_by_kind() -> None:
    probes = cast("Any", SimpleNamespace(alive=None, ready=None))
    outcomes = {("profile.get", "ok"): 3, ("auth.login", "invalid"): 1, ("profile.get", "not_found"): 2}
    given_up = {("reply", "ConnectionInternalError"): 1, ("reply", "TimeoutError"): 2}
    routes = health_routes(probes, outcomes, given_up, Background(lambda _: None))

    is_good, counts = await routes["/counts"]()

    assert is_good
    assert not isinstance(counts, Document)
    assert counts["requests"] == {"auth.login": {"invalid": 1}, "profile.get": {"not_found": 2, "ok": 3}}
    assert counts["given_up"] == {"reply": {"ConnectionInternalError": 1, "TimeoutError": 2}}
    assert counts["background"] == {}
