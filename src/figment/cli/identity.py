"""`figment identity show|rotate`."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from figment.trust.keys import Identity

__all__ = ["command"]


@click.group(name="identity")
def command() -> None:
    """The key and certificates with which this installation signs what it makes.

    They are made on first use, in the folder of this installation ($FIGMENT_HOME).
    """


@command.command()
def show() -> None:
    """Say with which certificate pictures are signed; make it if there is none yet."""
    from figment.trust.keys import Identity

    click.echo(_told(Identity.ensure()))


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def rotate(yes: bool) -> None:
    """Make a new key and delete the old one. What was signed before stays trusted by this installation."""
    from figment.trust.keys import Identity

    if not yes:
        click.confirm("Make a new key, and delete the one in use for good?", abort=True, err=True)
    click.echo(_told(Identity.ensure().rotate()))


def _told(identity: "Identity") -> str:
    certificate, roots = identity.certificate, identity.anchors().count(b"BEGIN CERTIFICATE")
    return "\n".join(
        [
            f"certificate {certificate.subject.rfc4514_string()}",
            f"sha256      {identity.fingerprint}",
            f"valid until {certificate.not_valid_after_utc:%Y-%m-%d}",
            f"roots       {roots} of this installation are trusted; none is on the C2PA trust list",
            f"folder      {identity.folder}",
        ]
    )
