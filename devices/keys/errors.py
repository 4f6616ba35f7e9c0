"""What can be wrong with a message, a signature, a grant or a proof: stable codes with their sentences.

The inbox quarantines with ``code`` and ``facts``; nothing here is ever shown to a carer at a door, who sees
the refusal codes of :mod:`devices.keys.model` instead.
"""

from collections.abc import Mapping
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class ProtocolError(DomainError):
    """Base of everything that is wrong with bytes on the wire."""


class TopicError(ProtocolError):
    """A topic that is not ``omsorgstid/v1/{tenant}/{kind}/{id}/up|dn/{name}``."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "topic_malformed": ErrorText(
            ErrorKind.INVALID,
            "Emnet kan ikke læses: {part} skulle være {expected}, men er {found}.",
            "The topic cannot be read: {part} should be {expected}, but is {found}.",
        ),
    }


class MessageError(ProtocolError):
    """A payload that cannot be read. Facts: ``name``, ``field``, ``expected``, ``found``."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "message_malformed": ErrorText(
            ErrorKind.INVALID,
            "Beskeden {name} kan ikke læses ({field}): ventede {expected}, fik {found}.",
            "The message {name} cannot be read ({field}): expected {expected}, got {found}.",
        ),
        "message_unknown": ErrorText(
            ErrorKind.INVALID,
            "Der findes ingen besked {name}: ventede {expected}, fik {found}.",
            "There is no message {name}: expected {expected}, got {found}.",
        ),
        "message_version_unknown": ErrorText(
            ErrorKind.INVALID,
            "Beskeden {name} har en version, vi ikke kender: ventede {expected}, fik {found}.",
            "The message {name} has a version we do not know: expected {expected}, got {found}.",
        ),
    }


class SignatureError(ProtocolError):
    """A signed message that must not be believed. Facts: ``message`` (its kind), ``expected``, ``found``."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "signature_malformed": ErrorText(
            ErrorKind.INVALID,
            "Underskriften på {message} har forkert form: ventede {expected}, fik {found}.",
            "The signature of {message} has the wrong form: expected {expected}, got {found}.",
        ),
        "signature_algorithm": ErrorText(
            ErrorKind.INVALID,
            "Underskriften på {message} bruger en anden algoritme: ventede {expected}, fik {found}.",
            "The signature of {message} uses another algorithm: expected {expected}, got {found}.",
        ),
        "signature_key_unknown": ErrorText(
            ErrorKind.FORBIDDEN,
            "{message} er underskrevet med en nøgle, der ikke er godkendt til det: {found}.",
            "{message} is signed with a key that is not trusted for it: {found}.",
        ),
        "signature_invalid": ErrorText(
            ErrorKind.FORBIDDEN,
            "Underskriften på {message} passer ikke til indholdet.",
            "The signature of {message} does not match its content.",
        ),
    }


class GrantError(ProtocolError):
    """A grant whose claims are not those of a grant. Facts: ``claim``, ``expected``, ``found``."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "grant_malformed": ErrorText(
            ErrorKind.INVALID,
            "Tilladelsen kan ikke læses ({claim}): ventede {expected}, fik {found}.",
            "The grant cannot be read ({claim}): expected {expected}, got {found}.",
        ),
        "grant_claim_unknown": ErrorText(
            ErrorKind.INVALID,
            "Tilladelsen har et krav, vi ikke kender: {found}.",
            "The grant holds a claim we do not know: {found}.",
        ),
        "grant_too_large": ErrorText(
            ErrorKind.INVALID,
            "Tilladelsen fylder {found} byte; højst {expected} er tilladt.",
            "The grant takes {found} bytes; at most {expected} are allowed.",
        ),
    }


class ProofError(ProtocolError):
    """A holder's signature that does not prove what it should."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "proof_other_key": ErrorText(
            ErrorKind.FORBIDDEN,
            "Tilladelsen hører til en anden nøgle end den, der er vist.",
            "The grant belongs to another key than the one presented.",
        ),
        "proof_malformed": ErrorText(
            ErrorKind.INVALID,
            "Beviset har forkert form: ventede {expected}, fik {found}.",
            "The proof has the wrong form: expected {expected}, got {found}.",
        ),
        "proof_invalid": ErrorText(
            ErrorKind.FORBIDDEN,
            "Beviset passer ikke til denne lås, handling, tilladelse og udfordring.",
            "The proof does not match this lock, operation, grant and challenge.",
        ),
    }
