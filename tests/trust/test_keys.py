"""The identity: its certificates, who may read its key, what a rotation keeps, and two processes at once."""

import os
import stat
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from tests.trust.conftest import examined, signed

from figment.core.errors import OutputError
from figment.trust.errors import CredentialsError
from figment.trust.home import figment_home
from figment.trust.keys import Identity, anchors


def certificates(identity: Identity) -> tuple[x509.Certificate, x509.Certificate]:
    leaf, root = x509.load_pem_x509_certificates(identity.chain)
    return leaf, root


def test_the_leaf_may_sign_credentials_and_nothing_else(identity: Identity) -> None:
    leaf, root = certificates(identity)
    leaf.verify_directly_issued_by(root)
    assert leaf.version is x509.Version.v3
    assert isinstance(key := leaf.public_key(), ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    constraints = leaf.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert not usage.value.key_encipherment
    purposes = {
        purpose.dotted_string for purpose in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    }
    assert purposes == {ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string, "1.3.6.1.4.1.62558.2.1"}
    of_issuer = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert of_issuer == root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def test_it_lasts_ten_years_and_names_nobody(identity: Identity) -> None:
    leaf, root = certificates(identity)
    for certificate in (leaf, root):
        left = certificate.not_valid_after_utc - datetime.now(UTC)
        assert timedelta(days=3650) < left < timedelta(days=3653)
        (organisation,) = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        assert organisation.value == "Figment (this installation)"
        assert len(list(certificate.subject)) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps other people out by the folder's access list")
def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        identity = Identity.ensure(tmp_path / "identity")
    finally:
        os.umask(before)
    files = [path for path in identity.folder.rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["key.pem", "leaf.pem", "root.pem"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = [identity.folder, *(path for path in identity.folder.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_the_key_is_not_shown(identity: Identity) -> None:
    assert "PRIVATE" not in repr(identity)


def test_it_is_made_once(tmp_path: Path) -> None:
    first = Identity.ensure(tmp_path / "identity")
    assert Identity.ensure(tmp_path / "identity") == first


def test_what_was_signed_before_a_rotation_stays_trusted(tmp_path: Path) -> None:
    old = Identity.ensure(tmp_path / "identity")
    before = signed(old)
    new = old.rotate()
    assert new.key != old.key
    assert Identity.ensure(tmp_path / "identity") == new
    assert new.anchors().count(b"BEGIN CERTIFICATE") == 2
    assert not (tmp_path / "identity/0001/key.pem").exists()
    for content in (before, signed(new)):
        assert examined(content, tmp_path, new).verdict == "signed"
    stranger = Identity.ensure(tmp_path / "stranger")
    assert examined(before, tmp_path, stranger).verdict == "foreign"


def test_processes_that_start_at_once_share_one_identity(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        made = list(pool.map(Identity.ensure, [tmp_path / "identity"] * 6))
    assert len({identity.key for identity in made}) == 1
    assert sorted(path.name for path in (tmp_path / "identity").iterdir()) == ["0001"]


def test_a_generation_that_another_process_made_meanwhile_is_used(tmp_path: Path) -> None:
    first = Identity.ensure(tmp_path / "identity")
    from figment.trust import keys

    keys._generate(first.folder, 1)
    assert Identity.ensure(first.folder) == first
    assert [path.name for path in first.folder.iterdir()] == ["0001"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda place: (place / "key.pem").unlink(), r"Cannot read .*key\.pem .*restore it"),
        (lambda place: (place / "key.pem").write_bytes(b"nonsense"), "is damaged; restore it"),
        (lambda place: (place / "leaf.pem").write_bytes((place / "root.pem").read_bytes()), "do not belong together"),
    ],
)
def test_a_damaged_identity_is_refused_and_not_replaced(tmp_path: Path, damage: object, said: str) -> None:
    identity = Identity.ensure(tmp_path / "identity")
    assert callable(damage)
    damage(identity.folder / "0001")
    with pytest.raises(CredentialsError, match=said):
        Identity.ensure(tmp_path / "identity")
    assert [path.name for path in identity.folder.iterdir()] == ["0001"]


def test_a_file_in_place_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "identity").touch()
    with pytest.raises(OutputError, match="Cannot make an identity in"):
        Identity.ensure(tmp_path / "identity")


def test_without_an_identity_there_is_nothing_to_trust(tmp_path: Path) -> None:
    assert anchors(tmp_path / "identity") == b""
    assert list(tmp_path.iterdir()) == []


def test_the_home_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGMENT_HOME", str(tmp_path))
    assert figment_home() == tmp_path
    assert Identity.ensure().folder == tmp_path / "identity"
    monkeypatch.delenv("FIGMENT_HOME")
    assert figment_home().name == "figment"
    assert figment_home().is_absolute()
