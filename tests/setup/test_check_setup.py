"""`make check-setup` notices a lock that would not install the same for ever."""

from pathlib import Path

import pytest

from tests.integration.wheelhouse import locked
from tools.check_setup.__main__ import require_same
from tools.check_setup.locks import requirements_of, versions_here
from tools.check_setup.pips import Environment, PipFailed, with_own_pip
from tools.check_setup.wheels import write_wheel

ROOT = Path(__file__).parents[2]
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A distribution, one that it needs with an extra, and what the extra needs; and newer ones of all."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in ("plug", "cover", "toml"):
        write_wheel(folder, name, "9999")
    extra = ["Provides-Extra: toml", 'Requires-Dist: toml; extra == "toml"']
    return [
        write_wheel(folder, "plug", "1", ["Requires-Dist: cover[toml]"]),
        write_wheel(folder, "cover", "1", extra),
        write_wheel(folder, "toml", "1"),
    ]


@pytest.fixture(scope="module")
def environment(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return with_own_pip(tmp_path_factory.mktemp("own"), wheels[0].parent, OFFLINE)


def lock_of(folder: Path, text: str) -> Path:
    lock = folder / "requirements.lock"
    lock.write_text(text)
    return lock


def test_a_whole_lock_installs_what_it_says(
    environment: Environment, wheels: list[Path], tmp_path: Path
) -> None:
    lock = lock_of(tmp_path, locked(*wheels).replace("cover==1", "cover[toml]==1"))

    require_same(environment.would_install(lock), versions_here(lock))


def test_a_lock_that_lacks_something_is_noticed(
    environment: Environment, wheels: list[Path], tmp_path: Path
) -> None:
    lock = lock_of(tmp_path, locked(*wheels[:2]).replace("cover==1", "cover[toml]==1"))

    with pytest.raises(PipFailed, match="versions pinned"):
        environment.would_install(lock)


def test_a_lock_that_has_lost_its_extras_is_noticed_by_a_pip_that_stumbles_over_it(
    environment: Environment, wheels: list[Path], tmp_path: Path
) -> None:
    """Pip 23.0 takes the newest `cover` for `cover[toml]` then, and refuses it, as it has no hash."""
    stumbles = tuple(map(int, environment.pip("--version").split()[1].split(".")[:2])) < (23, 3)
    lock = lock_of(tmp_path, locked(*wheels))

    if stumbles:
        with pytest.raises(PipFailed, match="versions pinned"):
            environment.would_install(lock)
    else:
        require_same(environment.would_install(lock), versions_here(lock))


def test_what_differs_is_named() -> None:
    with pytest.raises(PipFailed, match=r"\[\('a', '1'\), \('a', '2'\), \('b', '1'\)\]"):
        require_same({"a": "2", "b": "1"}, {"a": "1"})


def test_markers_decide_what_is_for_this_machine(tmp_path: Path) -> None:
    lines = ["a==1 ; sys_platform == 'nowhere' \\", "    --hash=sha256:0", "B.c[x]==2 \\", "    # via a"]
    lock = lock_of(tmp_path, "\n".join(lines))

    assert versions_here(lock) == {"b-c": "2"}


@pytest.mark.parametrize("lock", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name)
def test_every_lock_pins_everything_by_hash_and_names_no_host(lock: Path) -> None:
    text = lock.read_text()
    requirements = requirements_of(lock)

    assert requirements
    assert {spec.operator for each in requirements for spec in each.specifier} == {"=="}
    assert not any(each.url for each in requirements)
    assert text.count(" \\\n    --hash=sha256:") >= len(requirements)
    assert "://" not in text


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-build.lock"])
def test_what_is_shipped_is_what_was_tested(lock: str) -> None:
    shipped = {each.name: str(each.specifier) for each in requirements_of(ROOT / lock)}
    tested = {each.name: str(each.specifier) for each in requirements_of(ROOT / "requirements-dev.lock")}

    assert shipped.items() <= tested.items()
