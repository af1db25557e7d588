"""Where packages come from, as the user has set it for pip or for uv. Neither of the two reads the other's settings.

Only that is taken over. What else a user sets for daily work (PIP_TARGET, PIP_REQUIRE_VIRTUALENV, constraints,
UV_RESOLUTION ...) would make another environment than the lock says, or none.
"""

import ast
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PIP_KEYS: Final = {
    "index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert", "client-cert", "proxy",
    "timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir", "keyring-provider",
}  # fmt: skip
_UV_VARIABLES: Final = {
    "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_NO_INDEX",
    "UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES",
    "UV_HTTP_CONNECT_TIMEOUT", "UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_INSTALLS", "UV_CACHE_DIR", "UV_NO_CACHE",
    "UV_LINK_MODE",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Indexes:
    """Where packages come from.

    Attributes:
        default: The index in place of the public one.
        extra: More indexes.
        find_links: Folders and pages with files.
        is_cut_off: Whether no index is asked, only *find_links*.
        insecure_hosts: Those whose certificates are not checked.

    """

    default: str = ""
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    is_cut_off: bool = False
    insecure_hosts: tuple[str, ...] = ()

    def for_pip(self) -> dict[str, str]:
        """Return them as pip's environment variables."""
        return _given({
            "PIP_INDEX_URL": self.default,
            "PIP_EXTRA_INDEX_URL": " ".join(self.extra),
            "PIP_FIND_LINKS": " ".join(self.find_links),
            "PIP_NO_INDEX": "1" if self.is_cut_off else "",
            "PIP_TRUSTED_HOST": " ".join(self.insecure_hosts),
        })  # fmt: skip

    def for_uv(self) -> dict[str, str]:
        """Return them as uv's environment variables."""
        return _given({
            "UV_DEFAULT_INDEX": self.default,
            "UV_INDEX": " ".join(self.extra),
            "UV_FIND_LINKS": ",".join(self.find_links),
            "UV_NO_INDEX": "1" if self.is_cut_off else "",
            "UV_INSECURE_HOST": " ".join(self.insecure_hosts),
        })  # fmt: skip


def pip_settings(config_list: str) -> dict[str, str]:
    """Return what is taken over of *config_list*, the output of `pip config list`, as pip's variables.

    A command's section goes before `[global]`, and the environment before both.
    """
    found: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):
        for line in config_list.splitlines():
            key, equals, value = line.partition("=")
            name = key.removeprefix(section)
            if equals and key.startswith(section) and name in _PIP_KEYS:
                found[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(
                    str(ast.literal_eval(value)).split()
                )
    return found


def uv_settings(environment: Mapping[str, str], files: Iterable[Path]) -> dict[str, str]:
    """Return what is taken over of *environment* and of *files*, each a uv.toml, as uv's variables.

    Later files go before earlier ones, and *environment* before all.
    """
    found: dict[str, str] = {}
    for file in files:
        if file.is_file():
            found |= _from_uv_toml(tomllib.loads(file.read_text(encoding="utf-8")))
    of_an_index = {name for name in environment if name.startswith("UV_INDEX_")}
    return found | {name: environment[name] for name in (_UV_VARIABLES | of_an_index) & set(environment)}


def uv_files(environment: Mapping[str, str]) -> list[Path]:
    """Return the places of the machine's and of the user's uv.toml."""
    if environment.get("UV_NO_CONFIG"):
        return []
    if named := environment.get("UV_CONFIG_FILE"):
        return [Path(named)]
    user = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '')}/.config"
    return [Path("/etc/uv/uv.toml"), Path(user) / "uv" / "uv.toml"]


def pip_environment(pip: Mapping[str, str], uv: Mapping[str, str]) -> dict[str, str]:
    """Return *pip*, with the indexes of *uv* where it has none of its own."""
    ours = Indexes(
        pip.get("PIP_INDEX_URL", ""),
        tuple(pip.get("PIP_EXTRA_INDEX_URL", "").split()),
        tuple(pip.get("PIP_FIND_LINKS", "").split()),
        pip.get("PIP_NO_INDEX", "") not in {"", "0", "false", "no", "off"},
    )
    return {**(_of_uv(uv).for_pip() if ours == Indexes() else {}), **pip, "PIP_CONFIG_FILE": os.devnull}


def uv_environment(
    pip: Mapping[str, str], uv: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    """Return *uv*, with what is said in *pip* where it says nothing."""
    pip = pip_environment(pip, uv)
    indexes = Indexes(
        pip.get("PIP_INDEX_URL", ""),
        tuple(pip.get("PIP_EXTRA_INDEX_URL", "").split()),
        tuple(pip.get("PIP_FIND_LINKS", "").split()),
        pip.get("PIP_NO_INDEX", "") not in {"", "0", "false", "no", "off"},
        tuple(pip.get("PIP_TRUSTED_HOST", "").split()),
    )
    proxy = pip.get("PIP_PROXY", "")
    translated = {
        "SSL_CERT_FILE": environment.get("SSL_CERT_FILE") or pip.get("PIP_CERT", ""),
        "SSL_CLIENT_CERT": environment.get("SSL_CLIENT_CERT") or pip.get("PIP_CLIENT_CERT", ""),
        "HTTP_PROXY": proxy,
        "HTTPS_PROXY": proxy,
        "UV_HTTP_TIMEOUT": pip.get("PIP_TIMEOUT", pip.get("PIP_DEFAULT_TIMEOUT", "")),
        # As pip does: every index is asked. The hashes say which file it must be.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_NO_CONFIG": "1",
    }
    of_pip = {} if _of_uv(uv) != Indexes() else indexes.for_uv()
    return {**_given(translated), **of_pip, **uv}


def _of_uv(uv: Mapping[str, str]) -> Indexes:
    return Indexes(
        uv.get("UV_DEFAULT_INDEX") or uv.get("UV_INDEX_URL", ""),
        tuple(
            _without_name(each)
            for key in ("UV_INDEX", "UV_EXTRA_INDEX_URL")
            for each in uv.get(key, "").split()
        ),
        tuple(filter(None, uv.get("UV_FIND_LINKS", "").split(","))),
        uv.get("UV_NO_INDEX", "") not in {"", "0", "false"},
        tuple(uv.get("UV_INSECURE_HOST", "").split()),
    )


def _without_name(index: str) -> str:
    """Return the address of *index*, which uv also takes as `name=address`."""
    name, equals, address = index.partition("=")
    return address if equals and ":" not in name else index


def _from_uv_toml(tables: Mapping[str, Any]) -> dict[str, str]:
    tables = {**tables, **tables.get("pip", {})}
    indexes = [each for each in tables.get("index", []) if not each.get("explicit")]
    default = [each["url"] for each in indexes if each.get("default")]
    extra = [each["url"] for each in indexes if not each.get("default")]
    return _given({
        "UV_DEFAULT_INDEX": default[0] if default else tables.get("index-url", ""),
        "UV_INDEX": " ".join([*extra, *tables.get("extra-index-url", [])]),
        "UV_FIND_LINKS": ",".join(tables.get("find-links", [])),
        "UV_NO_INDEX": "1" if tables.get("no-index") else "",
        "UV_INSECURE_HOST": " ".join(tables.get("allow-insecure-host", [])),
        "UV_KEYRING_PROVIDER": tables.get("keyring-provider", ""),
        "UV_NATIVE_TLS": "1" if tables.get("native-tls") else "",
        "UV_CACHE_DIR": tables.get("cache-dir", ""),
        "UV_LINK_MODE": tables.get("link-mode", ""),
    })  # fmt: skip


def _given(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if value}
