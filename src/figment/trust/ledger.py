"""The consent ledger of this installation.

A record is never changed. Withdrawing adds a line that ends it at once, whatever its term. The ledger keeps the hash
of the evidence, never the evidence; of a record only its own hash goes into the manifest of a picture.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from figment.core.errors import DataError, InputError
from figment.trust import attestation
from figment.trust.chain import Chain
from figment.trust.consent import (
    LONGEST_TEXT,
    Consent,
    ConsentError,
    Record,
    Scope,
    Subject,
    is_record_id,
)
from figment.trust.home import figment_home

__all__ = ["ADULT_AGE", "Ledger", "Output"]

ADULT_AGE = 19
"""Full years below which nobody's face is accepted: the age of majority in Korea, above that of the EU and the US."""


@dataclass(frozen=True)
class Output:
    """A file that was made with faces whose use the ledger allows."""

    path: str
    """Where it was written."""
    sha256: str
    """Of its content, hexadecimal."""
    made: datetime
    """When it was written, UTC."""
    records: tuple[str, ...]
    """Hashes of the records under which it was made."""


class Ledger:
    """The ledger of this installation, or the one in the file `path`."""

    def __init__(self, path: Path | None = None) -> None:
        self._chain = Chain(path or figment_home() / "consent.jsonl")

    def add(self, consent: Consent, *, age: int | None, confirmed: bool, now: datetime | None = None) -> Record:
        """Record `consent`. `age` is that of the person in full years, None where there is no real person.

        Raises InputError for a minor, a missing age, an unconfirmed attestation or a term that is over.
        """
        now = now or datetime.now(UTC)
        _check_age(consent.subject, age)
        if not confirmed:
            raise InputError("Nothing was recorded: the statement must be confirmed first.")
        if consent.expires is not None and consent.expires < now.date():
            raise InputError(f"{consent.expires} is over; give a day to come as the end of the consent.")
        stamp = now.isoformat(timespec="seconds")
        # Without a salt, whoever sees the hash in a manifest could try names until one fits.
        fields = {"salt": secrets.token_hex(16), "added": stamp, **asdict(consent), "attested": attestation.sha256()}
        fields["expires"] = consent.expires.isoformat() if consent.expires else None
        return _record(fields, self._chain.append("consent", fields).hash)

    def withdraw(self, name: str, *, reason: str = "", now: datetime | None = None) -> tuple[Record, ...]:
        """End the record `name`, or every record of the alias `name` that holds. Raises ConsentError for none."""
        held = [record for record in self._named(name) if record.withdrawn is None]
        if not held:
            raise ConsentError(f"No consent '{name}' is left to withdraw; `figment consent list` shows what there is.")
        if len(reason) > LONGEST_TEXT or not reason.isprintable():
            raise InputError(f"The reason must be one line of at most {LONGEST_TEXT} letters.")
        now = (now or datetime.now(UTC)).replace(microsecond=0)
        for record in held:
            fields = {"record": record.record_hash, "withdrawn": now.isoformat(), "reason": reason}
            self._chain.append("withdrawal", fields)
        return tuple(replace(record, withdrawn=now, reason=reason) for record in held)

    def records(self) -> tuple[Record, ...]:
        """Every record, oldest first. Raises DataError when the ledger was tampered with."""
        records: dict[str, Record] = {}
        try:
            for line in self._chain.lines():
                if line.kind == "consent":
                    records[line.hash] = _record(line.fields, line.hash)
                elif line.kind == "withdrawal":
                    given = line.fields
                    when = datetime.fromisoformat(given["withdrawn"])
                    ended = replace(records[given["record"]], withdrawn=when, reason=given["reason"])
                    records[given["record"]] = ended
        except (KeyError, TypeError, ValueError, InputError) as error:
            raise DataError(f"{self._chain.path} holds a line that is no consent ({error}); restore it.") from error
        return tuple(records.values())

    def show(self, name: str) -> tuple[Record, ...]:
        """The records of an alias, or the record of a hash or its first 12 signs. Raises ConsentError for none."""
        found = self._named(name)
        if not found:
            raise ConsentError(f"There is no consent '{name}'; `figment consent list` shows what there is.")
        return tuple(found)

    def require(self, name: str, scope: Scope, *, on: date | None = None) -> Record:
        """The newest record of `name` that allows `scope` on that day, by default today (UTC).

        Raises ConsentError when there is none, saying why the newest does not allow it.
        """
        on = on or datetime.now(UTC).date()
        found = self._named(name)
        if not found:
            raise ConsentError(f"There is no consent for '{name}'; record one with `figment consent add` first.")
        for record in reversed(found):
            if record.obstacle(on, scope) is None:
                return record
        raise ConsentError(f"The consent of '{found[-1].consent.alias}' {found[-1].obstacle(on, scope)}.")

    def note_output(self, path: Path, records: Iterable[Record], *, now: datetime | None = None) -> Output:
        """Note that the file at `path` was made under `records`, so that a withdrawal can name it.

        Noted again with the same content and records, it stays one.
        """
        now = (now or datetime.now(UTC)).replace(microsecond=0)
        held = tuple(record.record_hash for record in records)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        output = Output(str(path.absolute()), digest, now, held)
        for known in self.outputs():
            if replace(known, made=now) == output:
                return known
        self._chain.append("output", {**asdict(output), "made": now.isoformat()})
        return output

    def outputs(self, record: Record | None = None) -> tuple[Output, ...]:
        """What was made under `record`, or under any, oldest first. Raises DataError for a broken ledger."""
        try:
            made = [_output(line.fields) for line in self._chain.lines() if line.kind == "output"]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{self._chain.path} holds a line that is no output ({error}); restore it.") from error
        return tuple(output for output in made if record is None or record.record_hash in output.records)

    def _named(self, name: str) -> list[Record]:
        by_hash = is_record_id(name)
        records = self.records()
        return [r for r in records if (r.record_hash.startswith(name) if by_hash else r.consent.alias == name)]


def _check_age(subject: Subject, age: int | None) -> None:
    if age is None and subject in (Subject.SELF, Subject.ADULT, Subject.PERFORMER):
        raise InputError(f"Give the age of the person in full years; nobody under {ADULT_AGE} is accepted.")
    if age is not None and age < ADULT_AGE:
        raise InputError(
            f"The face of a minor cannot be used: {age} is below {ADULT_AGE}, and no consent changes that."
        )


def _record(fields: Mapping[str, Any], record_hash: str) -> Record:
    expires = fields["expires"]
    consent = Consent(
        subject=Subject(fields["subject"]),
        alias=fields["alias"],
        scope=tuple(Scope(name) for name in fields["scope"]),
        purpose=fields["purpose"],
        evidence=fields["evidence"],
        expires=None if expires is None else date.fromisoformat(expires),
    )
    return Record(consent, datetime.fromisoformat(fields["added"]), fields["attested"], record_hash)


def _output(fields: Mapping[str, Any]) -> Output:
    made = datetime.fromisoformat(fields["made"])
    return Output(str(fields["path"]), str(fields["sha256"]), made, tuple(fields["records"]))
