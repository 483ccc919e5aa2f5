"""What a consent is: whose face may be used, for what, until when, and what shows it."""

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from figment.core.errors import FigmentError, InputError

__all__ = ["Consent", "ConsentError", "Record", "Scope", "Subject", "evidence_hash", "is_record_id"]

LONGEST_TEXT = 500
"""Letters of a purpose or a reason."""
_ALIAS = re.compile(r"\w[\w .-]{0,63}")
_RECORD_ID = re.compile(r"[0-9a-f]{12,64}")


class ConsentError(FigmentError):
    """A face may not be used: there is no record, or it has ended, or it does not cover this use."""


class Subject(StrEnum):
    """Whose face it is."""

    SELF = "self"
    """The person who uses Figment."""
    ADULT = "adult"
    """An adult who gave written consent."""
    PERFORMER = "performer"
    """A performer who licensed the use."""
    FICTIONAL = "fictional"
    """A face in the public domain, or of a character."""
    SYNTHETIC = "synthetic"
    """A face that a model made up."""


class Scope(StrEnum):
    """What may be done with the face."""

    TRAIN = "train"
    """A model may learn it."""
    SWAP = "swap"
    """It may be put into a picture or clip."""


@dataclass(frozen=True)
class Consent:
    """What is to be recorded. Raises InputError for what no record may hold."""

    subject: Subject
    alias: str
    """Name by which the user calls the face; a pseudonym is better than a name."""
    scope: tuple[Scope, ...]
    purpose: str
    evidence: str = ""
    """SHA-256 of the signed form or licence, hexadecimal; an adult or performer needs one."""
    expires: date | None = None
    """Last day on which it holds (UTC); None for as long as it is not withdrawn."""

    def __post_init__(self) -> None:
        if not _ALIAS.fullmatch(self.alias) or is_record_id(self.alias):
            raise InputError(
                f"{self.alias!r} cannot be an alias; it takes 1 to 64 letters, digits, spaces, '.', '_' and '-', "
                "and must not look like a record's number."
            )
        if not self.purpose.strip() or len(self.purpose) > LONGEST_TEXT or not self.purpose.isprintable():
            raise InputError(f"The purpose must say in 1 to {LONGEST_TEXT} letters on one line what the face is for.")
        if not self.scope:
            raise InputError(f"The scope is empty; choose from {', '.join(Scope)}.")
        if self.subject in (Subject.ADULT, Subject.PERFORMER) and not self.evidence:
            raise InputError(f"The consent of a {self.subject} needs evidence: the file of the signed form or licence.")


@dataclass(frozen=True)
class Record:
    """A consent as the ledger holds it."""

    consent: Consent
    added: datetime
    """When it was recorded, UTC."""
    attested: str
    """SHA-256 of the wording that was confirmed."""
    record_hash: str
    """SHA-256 of its line, hexadecimal; what manifests hold."""
    withdrawn: datetime | None = None
    """When it was withdrawn, UTC."""
    reason: str = ""
    """Why it was withdrawn, if somebody said so."""

    @property
    def id(self) -> str:
        """First 12 signs of `record_hash`."""
        return self.record_hash[:12]

    def obstacle(self, on: date, scope: Scope) -> str | None:
        """Why the face may not be used for `scope` on that day; None when it may."""
        if self.withdrawn is not None:
            return f"was withdrawn on {self.withdrawn.date()}; do not use this face any more"
        if self.consent.expires is not None and on > self.consent.expires:
            return f"ended on {self.consent.expires}; ask again and record the new consent"
        if scope not in self.consent.scope:
            allowed = " and ".join(self.consent.scope)
            return f"allows {allowed}, not {scope}; ask for that too and record it"
        return None


def evidence_hash(path: Path) -> str:
    """SHA-256 of the file at `path`, hexadecimal. Raises InputError when it cannot be read or is empty."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f"{path} is empty; give the signed form or licence as evidence.")
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"Cannot read the evidence {path}: {error.strerror}.") from error


def is_record_id(name: str) -> bool:
    """Whether `name` looks like the hash of a record, or its first 12 signs or more."""
    return _RECORD_ID.fullmatch(name) is not None
