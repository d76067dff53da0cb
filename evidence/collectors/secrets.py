"""What a source signs in with, looked up where it lies: only here is a secret in plain view, to be used at once.

A reference is env:NAME, file:/path or vault:path#key. Which variables and folders may be named is the administrator's
to say, not that of whoever adds a source: else a source that leads to one's own host would carry away any secret that
the service can read.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings

from evidence import sealing
from evidence.collectors import https
from evidence.collectors.collected import PullError
from evidence.models import SourceSecret
from evidence.models.sources import ErrorCode

VARIABLE: Final = re.compile(r"SOURCE_SECRET_[A-Z0-9_]{1,100}")
VAULT: Final = re.compile(r"(?P<path>[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+)#(?P<key>[A-Za-z0-9_.-]+)")
LONGEST: Final = 64 * 1024  # bytes; keys are far shorter
SET_AGAIN: Final = "Correct the reference, or put the secret where it points to."


def secret_of(held: SourceSecret, deadline: float) -> bytes:
    """The secret itself. Raises PullError in words that hold none of it."""
    if held.reference:
        return referred(held.reference, deadline)
    try:
        return sealing.unseal(held.sealed, bound_to=bound_to(held))
    except sealing.Unreadable as error:
        raise PullError(ErrorCode.CONFIG, error.what, error.next_step) from None


def bound_to(held: SourceSecret) -> str:
    """What the sealed value is for: this source, at this address, as this user, and no earlier one of them."""
    config = held.source.config
    where = [str(config.get(name, "")) for name in ("host", "port", "user", "url")]
    return json.dumps([held.source_id, held.use, held.serial.hex, *where])


def wrong(reference: str) -> str:
    """Why this is no reference, in a sentence; "" when it is one. Nothing is opened."""
    kind, _, rest = reference.partition(":")
    if kind == "env":
        return "" if VARIABLE.fullmatch(rest) else "The variable's name must begin with SOURCE_SECRET_."
    if kind == "file":
        inside = Path(rest).is_absolute() and any(
            Path(rest).is_relative_to(folder) for folder in settings.SECRET_FOLDERS
        )
        folders = " or ".join(str(folder) for folder in settings.SECRET_FOLDERS)
        return "" if inside and ".." not in Path(rest).parts else f"The file must lie in {folders}."
    if kind == "vault":
        if not settings.VAULT_ADDR:
            return "No vault is set up: the administrator sets EASTWEST_VAULT_ADDR."
        path = VAULT.fullmatch(rest)
        dots = path is not None and {".", ".."} & set(path["path"].split("/"))
        return "" if path and not dots else "Write it as vault:mount/path#key."
    return "Write env:NAME, file:/path or vault:mount/path#key."


def referred(reference: str, deadline: float) -> bytes:
    """What a reference leads to. Raises PullError."""
    said = wrong(reference)
    if said:
        raise PullError(ErrorCode.CONFIG, f"The reference to the secret does not count: {said}", SET_AGAIN)
    kind, _, rest = reference.partition(":")
    local = {"env": from_variable, "file": from_file}
    found = local[kind](rest) if kind in local else from_vault(rest, deadline)
    if not found.strip():
        raise PullError(ErrorCode.CONFIG, f"There is nothing in {reference}.", SET_AGAIN)
    return found


def from_variable(name: str) -> bytes:
    """The text of an environment variable of the worker."""
    if name not in os.environ:
        raise PullError(ErrorCode.CONFIG, f"The variable {name} is not set where the worker runs.", SET_AGAIN)
    return os.environb[name.encode()]


def from_file(name: str) -> bytes:
    """The bytes of a file of one of the named folders, links followed only within them, without a last line end."""
    place = Path(name)
    try:
        real = place.resolve(strict=True)
        if not any(real.is_relative_to(folder.resolve()) for folder in settings.SECRET_FOLDERS):
            raise PullError(ErrorCode.CONFIG, f"{name} is a link that leads elsewhere.", SET_AGAIN)
        with real.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > LONGEST:
                raise PullError(ErrorCode.CONFIG, f"{name} is no plain, small file.", SET_AGAIN)
            if status.st_mode & (stat.S_IROTH | stat.S_IWOTH):
                mend = "Take that right away: chmod o-rw"
                raise PullError(ErrorCode.PERMISSION, f"{name} can be read by everybody on this machine.", mend)
            return file.read(LONGEST).removesuffix(b"\n")
    except PermissionError as error:
        what = f"{name} may not be read by the service's user."
        raise PullError(ErrorCode.PERMISSION, what, "Give it the right to.") from error
    except OSError as error:
        raise PullError(ErrorCode.CONFIG, f"{name} cannot be read.", SET_AGAIN) from error


def from_vault(rest: str, deadline: float) -> bytes:
    """One value of a secret in a KV v2 engine, over HTTPS with the token of EASTWEST_VAULT_TOKEN_FILE."""
    where = VAULT.fullmatch(rest)
    if where is None:
        raise PullError(ErrorCode.CONFIG, "The reference to the vault is incomplete.", SET_AGAIN)
    mount, _, path = where["path"].partition("/")
    url = f"{settings.VAULT_ADDR.rstrip('/')}/v1/{quote(mount)}/data/{quote(path)}"
    headers = {"X-Vault-Token": vault_token(), "X-Vault-Request": "true"}
    answer = https.get(
        url, headers=headers, deadline=deadline, ca=settings.VAULT_CA_FILE, pin=settings.VAULT_PIN, largest=2**20
    )
    if answer.status in (401, 403):
        what = f"The vault does not let Eastwest read {where['path']}."
        raise PullError(ErrorCode.PERMISSION, what, "Renew its token, or widen the token's policy to that path.")
    if answer.status == 429:
        often, wait = "The vault was asked too often.", answer.retry_after
        raise PullError(ErrorCode.RATE_LIMITED, often, "Read less often.", retry_after=wait)
    if answer.status >= 500:
        raise PullError(ErrorCode.UNREACHABLE, f"The vault says {answer.status}: it may be sealed.", "Unseal it.")
    if answer.status != 200:
        raise PullError(ErrorCode.CONFIG, f"The vault has nothing at {where['path']}.", SET_AGAIN)
    return value_in(answer.body, where["path"], where["key"])


def value_in(body: bytes, path: str, key: str) -> bytes:
    """The value of a key in the answer of a KV v2 engine. Nothing of the answer stands in an error."""
    try:
        held: Any = json.loads(body)["data"]["data"][key]
    except KeyError:
        raise PullError(ErrorCode.CONFIG, f"The secret at {path} has no {key}.", SET_AGAIN) from None
    except (ValueError, TypeError):
        what = f"The vault answers for {path} with something that is no secret of a KV v2 engine."
        raise PullError(ErrorCode.CONFIG, what, SET_AGAIN) from None
    if not isinstance(held, str):
        raise PullError(ErrorCode.CONFIG, f"{key} at {path} is no text.", SET_AGAIN)
    return held.encode()


def vault_token() -> str:
    """What Eastwest itself shows the vault."""
    if settings.VAULT_TOKEN_FILE is None:
        raise PullError(ErrorCode.CONFIG, "No token for the vault is set up.", "Set EASTWEST_VAULT_TOKEN_FILE.")
    try:
        token = settings.VAULT_TOKEN_FILE.read_bytes().strip()
    except OSError:
        what = "The file with the token for the vault cannot be read."
        raise PullError(ErrorCode.CONFIG, what, "Look at EASTWEST_VAULT_TOKEN_FILE.") from None
    if not re.fullmatch(rb"[\x21-\x7e]{1,4096}", token):
        what = "The file with the token for the vault holds no token."
        raise PullError(ErrorCode.CONFIG, what, "Look at EASTWEST_VAULT_TOKEN_FILE.")
    return token.decode("ascii")
