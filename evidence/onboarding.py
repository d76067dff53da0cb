"""The one command that lets Eastwest read a Linux host: the files of deploy/linux in one line, with the source's key.

They travel within the line, because the host need not reach Eastwest, and what is pasted is what was looked at.
"""

from __future__ import annotations

import base64
import gzip
import io
import re
import tarfile
from functools import cache
from pathlib import Path

from django.conf import settings

FILES = ("eastwest-pull", "eastwest-pull.sudoers", "onboard.sh")
KEY = re.compile(r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d{3}) [A-Za-z0-9+/]+={0,2}")


def command(public: str) -> str:
    """The line to paste on the host, for this public key. Raises ValueError for what is none: it goes into a shell."""
    key = " ".join(public.split()[:2])
    if not KEY.fullmatch(key):
        raise ValueError("no public key")
    return f'd=$(mktemp -d) && echo {bundle()} | base64 -d | tar -xzC "$d" && sudo sh "$d/onboard.sh" \'{key}\''


@cache
def bundle() -> str:
    """The files as they are shipped, base64 of a tar.gz that is the same each time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in FILES:
            content = (Path(settings.BASE_DIR) / "deploy" / "linux" / name).read_bytes()
            said = tarfile.TarInfo(name)
            said.size, said.mode = len(content), 0o644
            archive.addfile(said, io.BytesIO(content))
    return base64.b64encode(gzip.compress(packed.getvalue(), 9, mtime=0)).decode("ascii")
