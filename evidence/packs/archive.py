"""The ZIP of a pack, written so that the same members give the same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a ZIP can say: when a member was made stands in the manifest


def zip_bytes(members: Iterable[tuple[str, bytes]], *, packed: bool = True) -> bytes:
    """A ZIP of (path, content) in the order given: fixed times and rights, no comments, no folders."""
    out, way = io.BytesIO(), zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", compression=way, compresslevel=6) as archive:
        for path, content in members:
            info = zipfile.ZipInfo(path, date_time=EPOCH)
            info.compress_type = way
            info.external_attr = 0o100644 << 16
            info.create_system = 3
            archive.writestr(info, content)
    return out.getvalue()
