"""The contracts can be installed without the service."""

import subprocess
import sys

MODULES = [
    *("operations", "profiles", "posts", "auth", "events", "replies", "errors", "fields"),
    *("profile_api", "testing"),
]
# Each in a process of its own that has imported nothing before.
SCRIPT = """
import os, sys
from importlib import import_module
from importlib.metadata import packages_distributions
owners = packages_distributions()
for module in sys.argv[1:]:
    if os.fork():
        _, status = os.wait()
        if status:
            sys.exit(module)
        continue
    before = set(sys.modules)
    import_module(f"profile_contracts.{module}")
    loaded = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
    print(module, *sorted({owner for name in loaded for owner in owners.get(name, [name])}), flush=True)
    break
"""
NEEDED = {
    "profile_contracts",
    "profile-contracts",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing-inspection",
    "annotated-types",
}


def test_the_contracts_need_pydantic_and_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *MODULES], capture_output=True, text=True, check=True
    )
    loaded = {module: set(names) for module, *names in map(str.split, done.stdout.splitlines())}
    beyond = {
        module: {name for name in names - NEEDED if not name.startswith("_sysconfig")}
        for module, names in loaded.items()
    }

    assert beyond == {module: set() for module in MODULES}


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
