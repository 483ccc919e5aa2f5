"""Published packages fetched by the ordinary npm client, pinned by checksum."""

import base64
import hashlib
import json
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from figment.core.errors import DataError

__all__ = ["Archive", "Package", "fetch"]

SECONDS = 600


@dataclass(frozen=True)
class Package:
    """One version of an npm package."""

    name: str
    version: str
    sha512: str
    """Base64 of the tarball's SHA-512, as npm publishes it."""

    @property
    def file_name(self) -> str:
        """Name that `npm pack` gives the tarball."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


@dataclass(frozen=True)
class Archive:
    """A fetched and verified tarball."""

    path: Path

    @cached_property
    def members(self) -> dict[str, bytes]:
        """Contents of every file, by its path inside the package."""
        with tarfile.open(self.path) as tar:
            files = [(member.name, tar.extractfile(member)) for member in tar if member.isfile()]
            return {name.removeprefix("package/"): file.read() for name, file in files if file}

    def json(self, name: str) -> Any:
        """The parsed JSON file `name`. Raises DataError when the package has no such file."""
        if name not in self.members:
            raise DataError(f"{self.path.name} has no file {name}; delete it and build again.")
        return json.loads(self.members[name])


def fetch(package: Package, folder: Path) -> Archive:
    """The tarball of `package` in `folder`, downloaded unless a verified one is there. Raises DataError."""
    path = folder / package.file_name
    if not _is_verified(path, package):
        _download(package, folder)
        if not _is_verified(path, package):
            raise DataError(f"{path.name} does not have the published checksum; delete it and build again.")
    return Archive(path)


def _is_verified(path: Path, package: Package) -> bool:
    if not path.is_file():
        return False
    return base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode() == package.sha512


def _download(package: Package, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = f"{package.name}@{package.version}"
    command = ["npm", "pack", wanted, "--loglevel=error", "--pack-destination", str(folder.resolve())]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
    except FileNotFoundError as error:
        raise DataError("npm is not installed; install Node.js to download the sprite packages.") from error
    except subprocess.TimeoutExpired as error:
        raise DataError(f"npm did not fetch {wanted} within {SECONDS} s; check the network and try again.") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or f"exit code {error.returncode}").splitlines()[0]
        raise DataError(f"npm could not fetch {wanted} ({said}); check the network and try again.") from error
