"""Three bell-ropes to the rooms above. Sent after the transaction; a receiver only enqueues a job.

Each is sent with `change` (ChangeRecord) and `at` (datetime); `change_decided` also with `decision`
("approved" | "rejected" | "withdrawn").
"""

from __future__ import annotations

from django.dispatch import Signal

change_submitted = Signal()
change_decided = Signal()
change_implemented = Signal()
