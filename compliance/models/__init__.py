"""The nouns of compliance: what is allowed and why."""

from compliance.models.among import Among
from compliance.models.changes import (
    TRANSITIONS,
    Approval,
    ApprovalNeeded,
    Capacity,
    ChangeRecord,
    Justification,
    State,
)
from compliance.models.connections import Connection, ConnectionVersion, Endpoint, PartyPrefix
from compliance.models.controls import CatalogueRelease, ControlStatement, OfficialControl, Reattestation
from compliance.models.delegations import Delegation
from compliance.models.estate import (
    Address,
    AddressSpace,
    Group,
    Membership,
    Organisation,
    Server,
    System,
    Zone,
    ZonePrefix,
)
from compliance.models.imports import ColumnMapping, ImportedTable
from compliance.models.jobs import Job
from compliance.models.ledger import LedgerCheckpoint, LedgerEntry, LedgerHead, LedgerInbox, LedgerRow, LedgerShipment
from compliance.models.notices import How, Notice, NoticePreference, Outbound
from compliance.models.people import Role, RoleGrant, SetUpLink, User
from compliance.models.policy import PolicyCheck, PolicyDecision, PolicyVersion
from compliance.models.questions import Answer, Question
from compliance.models.receivers import Delivery, Receiver
from compliance.models.risks import RiskAcceptance
from compliance.models.saved import SavedFilter
from compliance.models.setup import SetUpMark
from compliance.models.stages import ApprovalStage
from compliance.models.tokens import ServiceToken
from compliance.models.typed import KeptForm

__all__ = [
    "TRANSITIONS",
    "Address",
    "AddressSpace",
    "Among",
    "Answer",
    "Approval",
    "ApprovalNeeded",
    "ApprovalStage",
    "Capacity",
    "CatalogueRelease",
    "ChangeRecord",
    "ColumnMapping",
    "Connection",
    "ConnectionVersion",
    "ControlStatement",
    "Delegation",
    "Delivery",
    "Endpoint",
    "Group",
    "How",
    "ImportedTable",
    "Job",
    "Justification",
    "KeptForm",
    "LedgerCheckpoint",
    "LedgerEntry",
    "LedgerHead",
    "LedgerInbox",
    "LedgerRow",
    "LedgerShipment",
    "Membership",
    "Notice",
    "NoticePreference",
    "OfficialControl",
    "Organisation",
    "Outbound",
    "PartyPrefix",
    "PolicyCheck",
    "PolicyDecision",
    "PolicyVersion",
    "Question",
    "Reattestation",
    "Receiver",
    "RiskAcceptance",
    "Role",
    "RoleGrant",
    "SavedFilter",
    "Server",
    "ServiceToken",
    "SetUpLink",
    "SetUpMark",
    "State",
    "System",
    "User",
    "Zone",
    "ZonePrefix",
]
