"""Who may use the server: accounts with keys, of which the file keeps the hashes alone."""

import json
import re
import secrets
import threading
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from figment.core.errors import InputError
from figment.core.files import write_bytes
from figment.studio.jobs.places import LOCAL, state_of

__all__ = ["Account", "Accounts", "Role"]

Role = Literal["admin", "user"]
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


@dataclass(frozen=True)
class Account:
    """Someone with a key."""

    name: str
    role: Role


class Accounts:
    """The accounts of the studio in `root`, and the user of this computer, whose key is `token` if there is one."""

    def __init__(self, root: Path, token: str = "") -> None:
        self._path, self._lock = state_of(root) / "accounts.json", threading.Lock()
        self._open = not token
        self._local = Account(LOCAL, "admin")
        self._keys = {_hashed(token): self._local} if token else {}
        if self._path.is_file():
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            self._keys |= {one["key"]: Account(one["name"], one["role"]) for one in kept}

    def who(self, key: str) -> Account | None:
        """Whose `key` it is. Where no token is asked for, everyone else is the user of this computer.

        Keys are looked up by their hashes, so that the time it takes tells nothing of them.
        """
        return self._keys.get(_hashed(key)) or (self._local if self._open else None)

    def all(self) -> list[Account]:
        """Every account but that of this computer."""
        return [account for account in self._keys.values() if account.name != LOCAL]

    def add(self, name: str, role: Role) -> str:
        """Make an account; its key, which cannot be had again. Raises InputError for a name that cannot be used."""
        if not _NAME.fullmatch(name) or name == LOCAL:
            raise InputError(
                f"{name[:40]!a} cannot be an account's name, which is 1 to 31 of a-z, 0-9, - and _, and not '{LOCAL}'."
            )
        key = f"fig-{secrets.token_urlsafe(32)}"
        with self._lock:
            if any(account.name == name for account in self.all()):
                raise InputError(f"There is an account {name} already; remove it first for a new key.")
            self._keys[_hashed(key)] = Account(name, role)
            self._save()
        return key

    def renew(self, name: str) -> str:
        """A new key in the place of the old, which is none from now on. Raises InputError where there is no account."""
        key = f"fig-{secrets.token_urlsafe(32)}"
        with self._lock:
            old = self._key_of(name)
            self._keys[_hashed(key)] = self._keys.pop(old)
            self._save()
        return key

    def remove(self, name: str) -> None:
        """End an account; its files stay. Raises InputError when there is none."""
        with self._lock:
            del self._keys[self._key_of(name)]
            self._save()

    def _key_of(self, name: str) -> str:
        """The hash of the key of an account. Raises InputError when there is none."""
        for key, account in self._keys.items():
            if account.name == name != LOCAL:
                return key
        raise InputError(f"There is no account {name[:40]!a}.")

    def _save(self) -> None:
        kept = [{"key": key, **asdict(account)} for key, account in self._keys.items() if account.name != LOCAL]
        write_bytes(self._path, json.dumps(kept).encode())
        self._path.chmod(0o600)


def _hashed(key: str) -> str:
    return sha256(key.encode(errors="replace")).hexdigest()
