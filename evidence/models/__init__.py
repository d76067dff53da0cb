"""The nouns of evidence: what is actually there."""

from evidence.models.access import Pin, SourceSecret
from evidence.models.admin import AdminPathRow, LoginAttestation
from evidence.models.baseline import BaselineGroup, Unlearned
from evidence.models.counters import RuleUse
from evidence.models.deltas import Delta, RuleChange
from evidence.models.duties import Attestation, HostSaid
from evidence.models.findings import Comparison, Finding, VerdictRow, Verification
from evidence.models.flows import (
    FlowDay,
    FlowFile,
    FlowGap,
    FlowLog,
    FlowPicture,
    FlowPull,
    FlowUse,
    LogExamination,
)
from evidence.models.groups import GroupObservation
from evidence.models.inventory import Inventory, InventoryReading, Met, SetAside, Sighting
from evidence.models.links import EvidenceAsk, EvidenceReply, PackLink
from evidence.models.members import FindingMember, Removal
from evidence.models.packs import Pack, PackDownload
from evidence.models.paths import DevicePath
from evidence.models.push import PushToken
from evidence.models.shares import ServedShare
from evidence.models.sheets import Sheet, SheetResult, SheetRun
from evidence.models.sources import (
    DeviceLease,
    ErrorCode,
    Pull,
    PulledArtefact,
    Snapshot,
    Source,
    SourceTest,
    StoredArtefact,
)
from evidence.models.tickets import TicketReading

__all__ = [
    "AdminPathRow",
    "Attestation",
    "BaselineGroup",
    "Comparison",
    "Delta",
    "DeviceLease",
    "DevicePath",
    "ErrorCode",
    "EvidenceAsk",
    "EvidenceReply",
    "Finding",
    "FindingMember",
    "FlowDay",
    "FlowFile",
    "FlowGap",
    "FlowLog",
    "FlowPicture",
    "FlowPull",
    "FlowUse",
    "GroupObservation",
    "HostSaid",
    "Inventory",
    "InventoryReading",
    "LogExamination",
    "LoginAttestation",
    "Met",
    "Pack",
    "PackDownload",
    "PackLink",
    "Pin",
    "Pull",
    "PulledArtefact",
    "PushToken",
    "Removal",
    "RuleChange",
    "RuleUse",
    "ServedShare",
    "SetAside",
    "Sheet",
    "SheetResult",
    "SheetRun",
    "Sighting",
    "Snapshot",
    "Source",
    "SourceSecret",
    "SourceTest",
    "StoredArtefact",
    "TicketReading",
    "Unlearned",
    "VerdictRow",
    "Verification",
]
