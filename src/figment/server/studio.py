"""What the routes share: the queue, who watches it, the accounts; and who asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from figment.server.accounts import Account, Accounts
from figment.server.counting import Requests
from figment.server.events import Watcher
from figment.server.problems import Problem
from figment.server.settings import Settings
from figment.studio.jobs import kinds
from figment.studio.jobs.forecast import Expected, Seat
from figment.studio.jobs.job import Job
from figment.studio.jobs.places import Places
from figment.studio.jobs.store import JobStore
from figment.studio.jobs.supervise import Supervisor

__all__ = ["Administrator", "Studio", "TheStudio", "Whoever"]


@dataclass(frozen=True)
class Studio:
    """A running server's parts."""

    settings: Settings
    store: JobStore
    watcher: Watcher
    accounts: Accounts
    supervisor: Supervisor | None
    """None where no workers were asked for."""
    requests: Requests

    def submit(self, kind: str, values: dict[str, Any], user: str, key: str | None = None) -> Job:
        """Check and queue a job; the files it names are the user's. Raises InputError and QueueFull.

        It waits for the disk, so that what was accepted is kept: call it from a thread.
        """
        self.store.check_room(user, key)
        prepared = kinds.prepared(kind, values, self.places(user))
        return self.store.submit(kind, prepared, user, key, kinds.cost(kind, prepared))

    def forecast(self) -> Mapping[str, Expected]:
        """When the jobs that wait or run are likely to begin and end, by id; nothing where no workers are."""
        seats = () if self.supervisor is None else self.supervisor.seats
        return self.store.forecast([Seat(seat.name, seat.kinds) for seat in seats])

    def places(self, user: str) -> Places:
        """The folders of a user."""
        return Places(self.settings.root, user)


def _studio(request: Request) -> Studio:
    studio: Studio = request.app.state.studio
    return studio


def _account(request: Request) -> Account:
    account: Account = request.state.account
    return account


def _admin(request: Request) -> Account:
    account = _account(request)
    if account.role != "admin":
        raise Problem(403, "This is for administrators.")
    return account


TheStudio = Annotated[Studio, Depends(_studio)]
Whoever = Annotated[Account, Depends(_account)]
Administrator = Annotated[Account, Depends(_admin)]
