"""The suite that holds every client to the same rules leaves no operation out."""

import ast
from inspect import iscoroutinefunction

from profile_contracts.profile_api import ProfileApi
from tests.documents import ROOT

SUITE = ROOT / "tests" / "integration" / "clients"


def test_the_suite_of_the_clients_calls_every_method() -> None:
    methods = {name for name in vars(ProfileApi) if iscoroutinefunction(getattr(ProfileApi, name))}
    called = {
        node.func.attr
        for path in SUITE.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    assert "get_profile" in methods
    assert methods - called == set()
