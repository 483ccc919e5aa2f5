"""The identity of this installation: an ES256 key and the certificates that let it sign Content Credentials.

    identity/0001/root.pem    certificate of the root; its private key is thrown away once it has signed the leaf
                  leaf.pem    certificate of the signing key
                  key.pem     private signing key, readable by its owner alone
             0002/...         after a rotation: the highest number signs, every root stays trusted

A generation is written beside its place and then renamed, so that of two processes that start at once one makes it
and both use it. The certificates follow the profile of C2PA Technical Specification 2.2, section 14.5.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from figment.core.errors import OutputError
from figment.trust.errors import CredentialsError
from figment.trust.home import figment_home

__all__ = ["Identity", "anchors"]

ORGANISATION = "Figment (this installation)"
C2PA_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
LIFETIME = timedelta(days=3652)
CLOCK_ERROR = timedelta(days=1)
"""Certificates begin this much earlier, for computers whose clocks go wrong."""


@dataclass(frozen=True)
class Identity:
    """What this installation signs with."""

    folder: Path
    """Where every generation lies."""
    chain: bytes
    """Certificates of the signing key and its root, PEM."""
    key: bytes = field(repr=False)
    """Private signing key, PKCS 8 PEM."""

    @classmethod
    def ensure(cls, folder: Path | None = None) -> "Identity":
        """The identity in `folder`, by default that of this installation; made when there is none.

        Raises OutputError when it cannot be made, CredentialsError when what is there is broken.
        """
        place = folder or figment_home() / "identity"
        if not _generations(place):
            _generate(place, 1)
        return cls._latest(place)

    def rotate(self) -> "Identity":
        """A fresh identity in the same folder. What was signed before stays trusted; the old key is deleted."""
        old = _generations(self.folder)
        _generate(self.folder, len(old) + 1)
        for generation in old:
            (generation / "key.pem").unlink(missing_ok=True)
        return self._latest(self.folder)

    @property
    def certificate(self) -> x509.Certificate:
        """Certificate of the signing key."""
        return x509.load_pem_x509_certificate(self.chain)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of that certificate, hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def anchors(self) -> bytes:
        """Certificates of every root that this installation ever had, PEM."""
        return anchors(self.folder)

    @classmethod
    def _latest(cls, folder: Path) -> "Identity":
        generation = _generations(folder)[-1]
        chain, key = _read(generation / "leaf.pem") + _read(generation / "root.pem"), _read(generation / "key.pem")
        _check(generation, chain, key)
        return cls(folder, chain, key)


def anchors(folder: Path | None = None) -> bytes:
    """Certificates of every root in `folder`, by default this installation's, PEM; empty where nothing was signed yet.

    Raises CredentialsError when one cannot be read.
    """
    place = folder or figment_home() / "identity"
    return b"".join(_read(generation / "root.pem") for generation in _generations(place))


def _generations(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("[0-9][0-9][0-9][0-9]") if path.is_dir())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CredentialsError(
            f"Cannot read {path} ({error.strerror}); restore it, or move {path.parent.parent} away to start afresh."
        ) from error


def _check(generation: Path, chain: bytes, key: bytes) -> None:
    """Whether the key is that of the leaf, which comes first in the chain."""
    try:
        leaf = x509.load_pem_x509_certificate(chain)
        private = load_pem_private_key(key, password=None)
    except ValueError as error:
        raise CredentialsError(f"{generation} is damaged; restore it, or move it away to start afresh.") from error
    if private.public_key() != leaf.public_key():
        raise CredentialsError(f"The key and the certificate in {generation} do not belong together; restore them.")


def _generate(folder: Path, number: int) -> None:
    """Make generation `number`, unless another process does so first."""
    place = folder / f"{number:04}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    except OSError as error:
        raise OutputError(f"Cannot make an identity in {folder}: {error.strerror}.") from error
    try:
        for name, content in _certify(number).items():
            _write_private(part / name, content)
        part.rename(place)
    except OSError as error:
        if not place.is_dir():  # otherwise another process was faster, and its identity is as good
            raise OutputError(f"Cannot make an identity in {folder}: {error.strerror}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _certify(number: int) -> dict[str, bytes]:
    """Files of a fresh generation."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, leaf_name = _name(f"Figment root {number}"), _name(f"Figment {number}")
    root = _begin(root_name, root_name, root_key, root_key)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    root = root.add_extension(_usage(certificates=True), critical=True)
    leaf = _begin(leaf_name, root_name, key, root_key)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(_usage(certificates=False), critical=True)
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, C2PA_SIGNING])
    leaf = leaf.add_extension(purposes, critical=False)
    return {
        "root.pem": root.sign(root_key, hashes.SHA256()).public_bytes(Encoding.PEM),
        "leaf.pem": leaf.sign(root_key, hashes.SHA256()).public_bytes(Encoding.PEM),
        "key.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_ERROR)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    """Subject that viewers show; nothing in it tells whose computer this is."""
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
