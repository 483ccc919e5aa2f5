"""`figment consent add|list|show|withdraw`."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from figment.trust.consent import Record

__all__ = ["command"]

SUBJECTS = ("self", "adult", "performer", "fictional", "synthetic")
SCOPES = ("train", "swap")
SHORT = 12
"""Signs of a record's hash that are shown and suffice to name it."""


@click.group(name="consent")
def command() -> None:
    """Record whose faces may be used, for what and until when; withdraw it again.

    The ledger is consent.jsonl in the folder of this installation ($FIGMENT_HOME). It only grows.
    """


@command.command()
@click.argument("alias")
@click.option("--subject", type=click.Choice(SUBJECTS), required=True, help="Whose face it is.")
@click.option("--scope", type=click.Choice(SCOPES), multiple=True, required=True, help="Use; may be repeated.")
@click.option("--purpose", required=True, help="What the result is for, in one line.")
@click.option("--age", type=click.IntRange(0, 150), help="Age in full years; needed for a real person, not kept.")
@click.option("--evidence", type=click.Path(path_type=Path), help="Signed form or licence; only its hash is kept.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="Last day (UTC); until withdrawn when not given.")
@click.option("--i-confirm", "confirmed", is_flag=True, help="Confirm the statement without being asked.")
def add(
    alias: str,
    subject: str,
    scope: tuple[str, ...],
    purpose: str,
    age: int | None,
    evidence: Path | None,
    expires: datetime | None,
    confirmed: bool,
) -> None:
    """Record a consent for the face that is to be called ALIAS, after its statement was shown and confirmed."""
    from figment.trust import attestation
    from figment.trust.consent import Consent, Scope, Subject, evidence_hash
    from figment.trust.ledger import Ledger

    consent = Consent(
        Subject(subject),
        alias,
        tuple(Scope(name) for name in dict.fromkeys(scope)),
        purpose,
        evidence_hash(evidence) if evidence else "",
        expires.date() if expires else None,
    )
    click.echo(f"{attestation.ENGLISH}\n\n{attestation.KOREAN}\n", err=True)
    confirmed = confirmed or click.confirm("Do you confirm this? / 확인합니까?", err=True)
    click.echo(_line(Ledger().add(consent, age=age, confirmed=confirmed)))


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List every record, oldest first."""
    from figment.trust.ledger import Ledger

    records = Ledger().records()
    if as_json:
        click.echo(json.dumps([_plain(record) for record in records], ensure_ascii=False))
        return
    for record in records:
        click.echo(_line(record))
    if not records:
        click.echo("No consent is recorded yet; `figment consent add` records one.")


@command.command()
@click.argument("name")
def show(name: str) -> None:
    """Show all that is recorded of NAME: an alias, the hash of a record, or its first 12 signs."""
    from figment.trust.ledger import Ledger

    for record in Ledger().show(name):
        for label, value in _plain(record).items():
            click.echo(f"{label:12} {', '.join(value) if isinstance(value, list) else value or '-'}")
        click.echo()


@command.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, in one line.")
def withdraw(name: str, reason: str) -> None:
    """Withdraw the record NAME, or every record of the alias NAME. It takes effect at once and cannot be undone."""
    from figment.trust.ledger import Ledger

    ledger = Ledger()
    for record in ledger.withdraw(name, reason=reason):
        click.echo(_line(record))
        for output in ledger.outputs(record):
            click.echo(f"  made with it on {output.made.date()}: {output.path}")


def _line(record: "Record") -> str:
    consent = record.consent
    return (
        f"{record.record_hash[:SHORT]}  {consent.alias:16} {consent.subject:10} {'+'.join(consent.scope):11} "
        f"{_state(record)}"
    )


def _state(record: "Record") -> str:
    if record.withdrawn is not None:
        return f"withdrawn {record.withdrawn.date()}"
    if record.consent.expires is None:
        return "until withdrawn"
    over = record.consent.expires < datetime.now(UTC).date()
    return f"{'ended' if over else 'until'} {record.consent.expires}"


def _plain(record: "Record") -> dict[str, Any]:
    """The record as JSON values."""
    values = {"hash": record.record_hash, **asdict(record.consent), "state": _state(record)}
    values |= {"added": record.added, "withdrawn": record.withdrawn, "reason": record.reason}
    values |= {"attestation": record.attested, "scope": list(record.consent.scope)}
    return {name: value if value is None or isinstance(value, list) else str(value) for name, value in values.items()}
