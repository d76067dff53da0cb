"""Lines of the log without what opens doors: an address that is a key in itself is written without its key."""

from __future__ import annotations

import logging
import re
from typing import Final

# of a new person, of a calendar one subscribes to, of one pack for somebody without an account
KEYS: Final = re.compile(r"(/(?:setup/link|calendar|share|accounts/password/reset/key)/)[^/\s'\"]+")
IN_ITS_PLACE: Final = r"\1[not logged]"


class WithoutKeys(logging.Filter):
    """Takes the keys out of a line before it is written. Django logs the path of a request it refuses."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every line through, without keys."""
        said = record.getMessage()
        if KEYS.search(said):
            record.msg, record.args = KEYS.sub(IN_ITS_PLACE, said), ()
        return True
