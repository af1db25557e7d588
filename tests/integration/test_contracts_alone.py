"""The contracts can be installed without the service."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "operations",
        "profiles",
        "posts",
        "auth",
        "events",
        "replies",
        "errors",
        "fields",
        "profile_api",
        "testing",
    ],
)
def test_the_contracts_need_pydantic_and_nothing_else(module: str) -> None:
    script = f"""
import sys
before = set(sys.modules)
import profile_contracts.{module}
from importlib.metadata import packages_distributions
owners = packages_distributions()
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}} - set(sys.stdlib_module_names)
print(*sorted({{owner for name in loaded for owner in owners.get(name, [name])}}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if not name.startswith("_sysconfig")}

    assert loaded <= {
        "profile_contracts",
        "profile-contracts",
        "pydantic",
        "pydantic_core",
        "typing_extensions",
        "typing-inspection",
        "annotated-types",
    }


def test_the_client_needs_no_part_of_the_service() -> None:
    script = "import sys, profile_contracts.client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}

    assert not loaded & {
        "service",
        "faststream",
        "pymongo",
        "bson",
        "bcrypt",
        "jwt",
        "cryptography",
        "structlog",
    }


def test_the_verifier_needs_pyjwt_and_no_part_of_the_service() -> None:
    script = "import sys, profile_contracts.verifier; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}

    assert "jwt" in loaded
    assert not loaded & {"service", "faststream", "pymongo", "bson", "structlog"}
