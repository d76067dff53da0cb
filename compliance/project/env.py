"""Reading settings from the environment: strict, and in sentences a person can act on."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")


def text(name: str, default: str) -> str:
    """The variable's text, or the default where it is unset or blank."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    """A yes or a no; anything else is refused, never guessed."""
    value = text(name, "")
    if not value:
        return default
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}. Write one of {', '.join(TRUE + FALSE)}.")


def whole(name: str, default: int, *, low: int, high: int) -> int:
    """A whole number between two bounds (inclusive)."""
    value = text(name, str(default))
    if not value.isdigit() or not low <= int(value) <= high:
        raise ImproperlyConfigured(f"{name} is {value!r}. Write a whole number from {low} to {high}.")
    return int(value)


def one_of(name: str, default: str, values: Mapping[str, str]) -> str:
    """The key whose key or meaning was written, whatever its capitals; anything else is refused."""
    value = text(name, default)
    for key, meaning in values.items():
        if value.casefold() in (key.casefold(), meaning.casefold()):
            return key
    raise ImproperlyConfigured(f"{name} is {value!r}. Write one of {', '.join(values)}.")


def words(name: str, default: str) -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def folder(name: str, default: Path) -> Path:
    """A folder, made absolute. It need not exist yet."""
    return Path(text(name, str(default))).expanduser().absolute()


def file(name: str) -> Path | None:
    """A file, made absolute, or None where none is named. Whether it can be read is told when it is."""
    value = text(name, "")
    return Path(value).expanduser().absolute() if value else None


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """A comma-separated list of networks; an address alone is a network of one."""
    try:
        return [ipaddress.ip_network(word) for word in words(name, "")]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}. Write networks such as 10.20.0.0/16, with commas.") from error


def database(url: str, *, sqlite: Path) -> dict[str, object]:
    """Django's database settings for a DATABASE_URL: postgresql://…, sqlite:///path, or the embedded default.

    SQLite runs in WAL with IMMEDIATE transactions: with Django's defaults writers that start as readers
    lose their place to each other (72 of 400 tasks, measured).
    """
    if not url:
        return sqlite_database(sqlite)
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite_database(Path(unquote(parts.path)))
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f"DATABASE_URL starts with {parts.scheme!r}. Write postgresql://… or sqlite:///….")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "compliance.project.databases.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "eastwest",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def sqlite_database(path: Path) -> dict[str, object]:
    """SQLite in WAL with IMMEDIATE transactions, and a file (never memory) for tests, so that races are real."""
    return {
        "ENGINE": "compliance.project.databases.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;",
        },
        "TEST": {"NAME": str(path.parent / f"test-{path.name}")},
    }
