"""Style sheets, scripts and icons as they are served: gathered at the start, with a compressed copy beside each."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from django.contrib.staticfiles.storage import StaticFilesStorage

WORTH_IT: Final = (".css", ".js", ".svg")  # fonts are compressed already


class Gathered(StaticFilesStorage):
    """Where `collectstatic` puts them. WhiteNoise serves the copy that ends in `.gz` to who takes it.

    Pages are not: beside what a stranger can put on a page, their compressed length would tell of secrets (BREACH).
    """

    def post_process(
        self, paths: Mapping[str, Any], *, dry_run: bool = False, **_: Any
    ) -> Iterator[tuple[str, str, bool]]:
        """Writes the copies that are missing or older than their file; gives (file, copy, True) of each."""
        for name in paths:
            file, copy = Path(self.path(name)), Path(self.path(f"{name}.gz"))
            if dry_run or file.suffix not in WORTH_IT or not is_older(copy, file):
                continue
            copy.write_bytes(gzip.compress(file.read_bytes(), mtime=0))
            copy.chmod(file.stat().st_mode & 0o777)  # a web server of theirs may be somebody else
            yield name, f"{name}.gz", True


def is_older(copy: Path, file: Path) -> bool:
    """Whether the copy is missing or was made before the file."""
    return not copy.exists() or copy.stat().st_mtime < file.stat().st_mtime
