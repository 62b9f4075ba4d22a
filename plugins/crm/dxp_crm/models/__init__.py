"""The plugin's tables."""

from dxp_crm.models.customer import Consent, Customer, Note
from dxp_crm.models.duplicate import Duplicate, DuplicateScan, DuplicateTrait
from dxp_crm.models.field import (
    EVERYBODY,
    ORGANISATION,
    PERSON,
    RECORDS,
    FieldDefinition,
    FieldRule,
)
from dxp_crm.models.imports import Export, Forgotten, Import, ImportEntry
from dxp_crm.models.message import MessageEntry
from dxp_crm.models.organisation import Membership, Organisation
from dxp_crm.models.segment import Segment, SegmentDue, SegmentMember, SegmentSize
from dxp_crm.models.tag import Tag, TagChange, TagLink
from dxp_crm.models.task import DONE, OPEN, Task
from dxp_crm.models.ticket import PRIORITIES, STATUSES, Ticket, TicketComment
from dxp_crm.models.view import DefaultView, SavedView

MODELS = (
    Customer,
    Consent,
    Note,
    Duplicate,
    DuplicateScan,
    DuplicateTrait,
    FieldDefinition,
    FieldRule,
    Tag,
    TagLink,
    TagChange,
    Organisation,
    Membership,
    Ticket,
    TicketComment,
    Task,
    MessageEntry,
    Import,
    ImportEntry,
    Forgotten,
    Export,
    SavedView,
    DefaultView,
    Segment,
    SegmentMember,
    SegmentDue,
    SegmentSize,
)

__all__ = [
    "DONE",
    "EVERYBODY",
    "MODELS",
    "OPEN",
    "ORGANISATION",
    "PERSON",
    "PRIORITIES",
    "RECORDS",
    "STATUSES",
    "Consent",
    "Customer",
    "DefaultView",
    "Duplicate",
    "DuplicateScan",
    "DuplicateTrait",
    "Export",
    "FieldDefinition",
    "FieldRule",
    "Forgotten",
    "Import",
    "ImportEntry",
    "Membership",
    "MessageEntry",
    "Note",
    "Organisation",
    "SavedView",
    "Segment",
    "SegmentDue",
    "SegmentMember",
    "SegmentSize",
    "Tag",
    "TagChange",
    "TagLink",
    "Task",
    "Ticket",
    "TicketComment",
]
