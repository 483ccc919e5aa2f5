"""Where a user's files are in the folder of a studio, and which names of files a request may use."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from figment.core.errors import InputError
from figment.core.paths import inside

__all__ = ["LOCAL", "Places", "database_of", "state_of"]

LOCAL = "local"
"""The user of this computer, whose pictures are where the command line puts them."""


def state_of(root: Path) -> Path:
    """The folder, in the studio's folder `root`, of what the studio itself keeps."""
    return root / ".figment"


def database_of(root: Path) -> Path:
    """The file of its jobs."""
    return state_of(root) / "jobs.db"


@dataclass(frozen=True)
class Places:
    """The folders of one user."""

    root: Path
    user: str = LOCAL

    @property
    def home(self) -> Path:
        return self.root if self.user == LOCAL else self.root / "users" / self.user

    @property
    def gallery(self) -> Path:
        """Finished pictures."""
        return self.home / "outputs"

    @property
    def uploads(self) -> Path:
        """Files that the user sent."""
        return self.home / "uploads"

    def job(self, id: str) -> Path:
        """Previews and other passing files of a job."""
        return state_of(self.root) / "jobs" / id

    def staged(self, id: str, fence: int) -> Path:
        """Where a worker writes before anything is final: beside the gallery, so that files can be moved into it."""
        return self.gallery / ".making" / f"{id}-{fence}"

    def all_staged(self, id: str) -> Iterator[Path]:
        """The same of every worker that had the job."""
        return (self.gallery / ".making").glob(f"{id}-*")

    def file(self, name: Path | str) -> Path:
        """The user's own file "outputs/..." or "uploads/...". Raises InputError for any other and for a missing one."""
        first, _, rest = str(name).replace("\\", "/").partition("/")
        folders = {"outputs": self.gallery, "uploads": self.uploads}
        if first not in folders or any(part.startswith(".") for part in rest.split("/")):
            raise InputError(f"{str(name)[:80]!a} cannot be used; send the file first, or take one of the gallery.")
        path = inside(folders[first], rest)
        if not path.is_file():
            raise InputError(f"There is no file {str(name)[:80]!a}.")
        return path

    def name(self, path: Path) -> str:
        """The name by which `file` finds `path`."""
        return path.resolve().relative_to(self.home.resolve()).as_posix()
