"""Rejects: named reasons why an input is not a document, kept in rejects.arrow."""

from typing import Literal, TypeAlias

__all__ = ["MAX_CHARACTERS", "MAX_NODES", "Reason", "RejectedError"]

MAX_NODES = 200_000
"""Most values in a document; an alias counts every time it is used."""

MAX_CHARACTERS = 2 << 20
"""Most characters of text in a document; an alias counts every time it is used."""

Reason: TypeAlias = Literal[
    "too_large",
    "not_utf8",
    "empty",
    "syntax",
    "duplicate_key",
    "several_documents",
    "not_an_object",
    "key_not_scalar",
    "unknown_alias",
    "unknown_tag",
    "too_many_nodes",
    "too_deep",
    "bad_number",
    "bad_record",
    "unsafe_member",
    "too_many_members",
    "too_long",
    "breaks_rules",
    "exact_duplicate",
    "path_limit",
    "group_limit",
    "near_duplicate",
]


class RejectedError(Exception):
    """An input that is not a document."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Store the reason, which is counted, apart from the message."""
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
