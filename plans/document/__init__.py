"""A plan's content as a document: canonical form and hash, JSON Patch, diff, three-way merge, summary. Pure."""

from common.canonical import canonical_json, text_sha256
from plans.document.content import (
    Content,
    Entry,
    content_sha256,
    document,
    document_text,
    parsed,
    session_entry,
    session_texts,
)
from plans.document.diff import (
    FieldChange,
    SessionChange,
    Texts,
    apply_changes,
    field_changes,
    operations,
    session_changes,
)
from plans.document.kinds import KINDS_OF_CHANGE, changed_kinds
from plans.document.merge import Conflict, Merge, align, merge
from plans.document.patch import InvalidPatch, Operation, apply_patch, from_payload, parse_patch
from plans.document.summary import Summary, summarise

__all__ = [
    "KINDS_OF_CHANGE",
    "Conflict",
    "Content",
    "Entry",
    "FieldChange",
    "InvalidPatch",
    "Merge",
    "Operation",
    "SessionChange",
    "Summary",
    "Texts",
    "align",
    "apply_changes",
    "apply_patch",
    "canonical_json",
    "changed_kinds",
    "content_sha256",
    "document",
    "document_text",
    "field_changes",
    "from_payload",
    "merge",
    "operations",
    "parse_patch",
    "parsed",
    "session_changes",
    "session_entry",
    "session_texts",
    "summarise",
    "text_sha256",
]
