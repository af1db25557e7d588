import os
from collections.abc import Callable, Sequence
from hashlib import sha1
from pathlib import Path

import pytest

from service.infrastructure.security.breached_passwords import BreachedPasswordFile

Lines = Callable[[bytes, int], bytes]
FORMS: dict[str, Lines] = {
    "as published": lambda digest, number: b"%b:%d\r\n" % (digest, 10 ** (number % 9)),
    "without counts": lambda digest, _: digest + b"\n",
    "in small letters": lambda digest, number: b"%b:%d\n" % (digest.lower(), number),
}


def digest(password: str) -> bytes:
    return sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()


def a_file(path: Path, passwords: Sequence[str], line: Lines = FORMS["as published"]) -> Path:
    path.write_bytes(b"".join(line(each, place) for place, each in enumerate(sorted(map(digest, passwords)))))
    return path


@pytest.mark.parametrize("form", FORMS)
async def test_each_that_is_in_the_file_is_found_and_no_other(tmp_path: Path, form: str) -> None:
    listed, others = ([f"{kind} {each}" for each in range(40)] for kind in ("listed", "other"))
    for count in (1, 2, 3, 40):
        file = BreachedPasswordFile(a_file(tmp_path / "list", listed[:count], FORMS[form]))

        assert [each for each in listed if await file.contains(each)] == listed[:count]
        assert [each for each in others if await file.contains(each)] == []


@pytest.mark.parametrize(
    "lines", [("0" * 40, "Ada"), ("Ada", "F" * 40), ("0" * 40, "Ada", "F" * 40), ("Ada",)]
)
async def test_it_is_found_at_both_ends_and_the_last_line_may_have_none(
    tmp_path: Path, lines: tuple[str, ...]
) -> None:
    written = [each.encode() if len(each) == 40 else digest(each) for each in lines]
    (tmp_path / "list").write_bytes(b":1\n".join(written) + b":2" + (b"\n" if len(lines) == 1 else b""))
    file = BreachedPasswordFile(tmp_path / "list")

    assert await file.contains("Ada")
    assert not await file.contains("Bob")


async def test_a_large_file_is_looked_at_in_few_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = [str(each) for each in range(5_000)]
    file = BreachedPasswordFile(a_file(tmp_path / "list", passwords))
    reads = []
    real = os.pread

    def pread(fd: int, length: int, place: int) -> bytes:
        reads.append(length)
        return real(fd, length, place)

    monkeypatch.setattr(os, "pread", pread)
    assert await file.contains("4711")
    assert len(reads) <= 20
    assert sum(reads) < 4_000


@pytest.mark.parametrize("text", [b"", b"password\n", b"0" * 39 + b":1\n", b"0" * 41 + b"\n"])
def test_what_is_no_such_list_is_said_at_the_start(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "list").write_bytes(text)
    with pytest.raises(OSError, match="does not begin with a line of a SHA-1 digest"):
        BreachedPasswordFile(tmp_path / "list")
    with pytest.raises(FileNotFoundError):
        BreachedPasswordFile(tmp_path / "nowhere")
