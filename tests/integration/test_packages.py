"""Debian packages: whatever apt says, a user hears one sentence; whatever ends us, dpkg ends its work."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.at_length import at_length
from tools.servers import ServersUnavailable, binaries, packages
from tools.servers.waiting import wait_until

ROOT = Path(__file__).parents[2]
FakeApt = Callable[[str], Path]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeApt:
    """A function that puts a script in the place of apt-get; gives a folder that it may write to."""

    def put(script: str) -> Path:
        (folder := tmp_path / "bin").mkdir()
        program = folder / "apt-get"
        program.write_text(f'#!/bin/sh\nfolder={tmp_path}\ncase "$*" in *--download-only*) step=fetch ;;\n')
        with program.open("a") as file:
            file.write(f"*install*) step=install ;; *) step=update ;; esac\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return tmp_path

    return put


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (
            "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.",
            "run `dpkg --configure -a`",
        ),
        ("E: Unmet dependencies. Try 'apt --fix-broken install'", "run `apt-get --fix-broken install`"),
        ("W: Failed to fetch x  Temporary failure resolving 'x'", "is there a network?"),
        ("E: Unable to locate package redis-server", "is there a network?"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "The disk is full."),
    ],
)
def test_what_apt_complains_about_is_one_sentence(apt: FakeApt, said: str, heard: str) -> None:
    """With the names of the packages and what to do."""
    apt(f'[ $step = update ] || {{ echo "{said}"; exit 100; }}')

    with pytest.raises(ServersUnavailable) as refusal:
        packages.install(["redis-server", "rabbitmq-server"], lambda _: None)

    sentence = str(refusal.value)
    assert sentence.startswith("The packages rabbitmq-server redis-server could not be installed. ")
    assert heard in sentence
    assert "\n" not in sentence


def test_what_nobody_has_foreseen_is_quoted(apt: FakeApt) -> None:
    """Better apt's own words than none."""
    apt('[ $step = update ] || { echo "E: The moon is full"; exit 100; }')

    with pytest.raises(ServersUnavailable, match="apt-get says:\nE: The moon is full"):
        packages.install(["redis-server"], lambda _: None)


def test_a_lock_that_another_apt_holds_is_waited_for(apt: FakeApt, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once, and has an end."""
    apt(
        "[ $step = fetch ] || exit 0\necho x >> $folder/tries\n"
        '[ "$(wc -l < $folder/tries)" -ge 3 ] && { echo "E: The moon is full"; exit 100; }\n'
        'echo "E: Could not get lock /var/cache/apt/archives/lock. It is held by process 1"; exit 100'
    )
    monkeypatch.setattr("time.sleep", lambda _: None)
    told: list[str] = []

    with pytest.raises(ServersUnavailable, match="The moon is full"):
        packages.install(["redis-server"], told.append)

    assert [line for line in told if "another apt is at work" in line] == [
        "  another apt is at work: waiting up to 120 s for it"
    ]


def test_a_lock_that_nobody_gives_back_is_given_up(apt: FakeApt, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence, too."""
    apt('[ $step = update ] || { echo "E: Could not get lock /x. It is held by process 1"; exit 100; }')
    monkeypatch.setattr(packages, "LOCK_SECONDS", 0.0)

    with pytest.raises(ServersUnavailable, match="Another apt or dpkg was at work"):
        packages.install(["redis-server"], lambda _: None)


@needs_root
def test_steps_are_told_with_their_seconds(apt: FakeApt) -> None:
    """Somebody watches, and wonders."""
    apt("")
    told: list[str] = []

    packages.install(["redis-server"], told.append)

    assert [line.split(" (")[0].strip() for line in told[1:]] == ["fetched", "installed"]
    assert all(line.endswith(" s)") for line in told[1:])


@needs_root
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, *at_length(signal.SIGTERM, signal.SIGHUP)])
def test_dpkg_ends_its_work_whatever_ends_us(apt: FakeApt, number: signal.Signals) -> None:
    """The signal goes to all of our process group, as the terminal's do. Nothing of ours is left."""
    folder = apt(
        "[ $step = install ] || exit 0\ntouch $folder/begun\n"
        "while [ ! -e $folder/go ]; do sleep 0.05; done\ntouch $folder/done"
    )
    program = (
        "from tools.ending import ended_well\nfrom tools.servers import packages\n"
        "def main():\n    packages.install(['redis-server'], lambda line: print(line, flush=True))\n"
        "raise SystemExit(ended_well(main))"
    )
    had_policy = packages.POLICY.exists()
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as ours:
        wait_until((folder / "begun").exists, within=30)
        os.killpg(ours.pid, number)
        if number is signal.SIGKILL:
            ours.wait()
        (folder / "go").touch()
        said, _ = ours.communicate(timeout=30)

    wait_until((folder / "done").exists, within=30)
    wait_until(lambda: packages.POLICY.exists() == had_policy, within=30)
    assert ours.returncode == (-number if number is signal.SIGKILL else 128 + number)
    assert "Traceback" not in said
    if number is not signal.SIGKILL:
        assert said.splitlines()[-2:] == [
            "  dpkg is in the middle of it: waiting for its end, so that it is left whole",
            "Stopped.",
        ]


def test_without_root_everything_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs and libraries, with the packages that bring them, in one sentence."""
    missing = {
        "rabbitmq-server": ["rabbitmq-server"],
        "redis-server": ["redis-server"],
        "mongod": ["libx.so"],
    }
    monkeypatch.setattr(packages, "can_install", lambda: False)
    monkeypatch.setattr(binaries, "_lacking", missing.get)
    monkeypatch.setattr(binaries, "find", {"mongod": Path("/mongod")}.get)

    with pytest.raises(ServersUnavailable) as refusal:
        binaries.find_or_install(missing, lambda _: None)

    assert str(refusal.value) == (
        "Missing here: rabbitmq-server, redis-server, libx.so. Install as root `apt-get install "
        "rabbitmq-server redis-server libcurl4 libssl3 liblzma5` (on Debian and Ubuntu), start a Docker "
        "engine, or set the DEV_*_URL variables to servers that you may use."
    )
