"""Where packages come from: said once, for pip and for uv."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_OFF = {"", "0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Indexes:
    """Where packages come from.

    Attributes:
        default: The index in place of the public one.
        extra: More indexes; uv also takes them as `name=address`.
        find_links: Folders and pages with files.
        is_cut_off: Whether no index is asked, only *find_links*.
        insecure_hosts: Those whose certificates are not checked.

    """

    default: str = ""
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    is_cut_off: bool = False
    insecure_hosts: tuple[str, ...] = ()

    def or_else(self, others: "Indexes") -> "Indexes":
        """Return these, and those of *others* of the kinds that are missing here."""
        return Indexes(
            self.default or others.default,
            self.extra or others.extra,
            self.find_links or others.find_links,
            self.is_cut_off or others.is_cut_off,
            self.insecure_hosts or others.insecure_hosts,
        )


def pip_environment(pip: Mapping[str, str], uv: Mapping[str, str]) -> dict[str, str]:
    """Return pip's variables: *pip*, and the indexes of *uv* where it has none of its own."""
    indexes = _of_pip(pip).or_else(_of_uv(uv))
    translated = {
        "PIP_INDEX_URL": _without_name(indexes.default),
        "PIP_EXTRA_INDEX_URL": " ".join(map(_without_name, indexes.extra)),
        "PIP_FIND_LINKS": " ".join(indexes.find_links),
        "PIP_NO_INDEX": "1" if indexes.is_cut_off else "",
        "PIP_TRUSTED_HOST": " ".join(indexes.insecure_hosts),
    }
    # pip's own 5 take long where there is no network. The name of the empty file means to pip: read no file.
    return {"PIP_RETRIES": "2", **pip, **given(translated), "PIP_CONFIG_FILE": os.devnull}


def uv_environment(
    pip: Mapping[str, str], uv: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    """Return uv's variables: *uv*, and what *pip* says that it does not; certificates as in *environment*."""
    indexes = _of_uv(uv).or_else(_of_pip(pip))
    proxy = pip.get("PIP_PROXY", "")
    seconds = pip.get("PIP_TIMEOUT") or pip.get("PIP_DEFAULT_TIMEOUT", "")
    translated = {
        "UV_DEFAULT_INDEX": indexes.default,
        "UV_INDEX": " ".join(indexes.extra),
        "UV_FIND_LINKS": ",".join(filter(_is_there, indexes.find_links)),
        "UV_NO_INDEX": "1" if indexes.is_cut_off else "",
        "UV_INSECURE_HOST": " ".join(indexes.insecure_hosts),
        "UV_HTTP_TIMEOUT": uv.get("UV_HTTP_TIMEOUT", seconds),
        "SSL_CERT_FILE": environment.get("SSL_CERT_FILE") or pip.get("PIP_CERT", ""),
        "SSL_CLIENT_CERT": environment.get("SSL_CLIENT_CERT") or pip.get("PIP_CLIENT_CERT", ""),
        "HTTP_PROXY": proxy,
        "HTTPS_PROXY": proxy,
        # As pip does: every index is asked. The hashes say which file it must be.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_NO_CONFIG": "1",
    }  # fmt: skip
    said_above = ("UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
    return {**{name: value for name, value in uv.items() if name not in said_above}, **given(translated)}


def given(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those of *variables* that say something."""
    return {name: value for name, value in variables.items() if value}


def _of_pip(pip: Mapping[str, str]) -> Indexes:
    return Indexes(
        pip.get("PIP_INDEX_URL", ""),
        tuple(pip.get("PIP_EXTRA_INDEX_URL", "").split()),
        tuple(pip.get("PIP_FIND_LINKS", "").split()),
        pip.get("PIP_NO_INDEX", "").lower() not in _OFF,
        tuple(pip.get("PIP_TRUSTED_HOST", "").split()),
    )


def _of_uv(uv: Mapping[str, str]) -> Indexes:
    return Indexes(
        uv.get("UV_DEFAULT_INDEX") or uv.get("UV_INDEX_URL", ""),
        tuple(f"{uv.get('UV_INDEX', '')} {uv.get('UV_EXTRA_INDEX_URL', '')}".split()),
        tuple(filter(None, uv.get("UV_FIND_LINKS", "").split(","))),
        uv.get("UV_NO_INDEX", "").lower() not in _OFF,
        tuple(uv.get("UV_INSECURE_HOST", "").split()),
    )


def _is_there(find_links: str) -> bool:
    """Return whether one can look there: pip passes over a missing folder, and uv gives up."""
    path = find_links.removeprefix("file://")
    return "://" in path or Path(path).exists()


def _without_name(index: str) -> str:
    """Return the address in *index*; an `=` in the address itself comes after a colon."""
    name, equals, address = index.partition("=")
    return address if equals and ":" not in name else index
