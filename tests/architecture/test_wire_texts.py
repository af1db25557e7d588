"""What callers read of an error is declared, and does not depend on docstrings or names of classes."""

import json
import subprocess
import sys
from pkgutil import walk_packages

import service
from service.domain.errors import ServiceError

SHOW = "import json; from tests.architecture.test_wire_texts import texts; print(json.dumps(texts()))"


def leaves(kind: type[ServiceError]) -> list[type[ServiceError]]:
    """Return every class below *kind*."""
    return [each for child in kind.__subclasses__() for each in (child, *leaves(child))]


def texts() -> dict[str, list[str]]:
    """Return reason and message of each error of the service, by the name of its class."""
    for module in walk_packages(service.__path__, "service."):
        if not module.name.endswith("__main__"):
            __import__(module.name)
    return {each.__name__: [each.reason, each.message] for each in leaves(ServiceError)}


def test_without_docstrings_every_error_says_the_same() -> None:
    run = subprocess.run([sys.executable, "-OO", "-c", SHOW], capture_output=True, text=True, check=True)

    assert json.loads(run.stdout) == texts()
    assert len(texts()) > 40


def test_every_error_declares_its_own_reason_and_message() -> None:
    texts()  # loads them all

    assert [each for each in leaves(ServiceError) if not {"reason", "message"} <= vars(each).keys()] == []
