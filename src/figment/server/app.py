"""The server, put together: `app(Settings(root))` is what uvicorn runs. Nothing here loads a tensor library."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.middleware import Middleware
from fastapi.staticfiles import StaticFiles

from figment import __version__
from figment.server import a1111, metrics, native, openai, prompts, shelves, swaps
from figment.server import files as file_routes
from figment.server.access import Guard
from figment.server.accounts import Accounts
from figment.server.counting import Requests
from figment.server.events import Watcher
from figment.server.problems import DESCRIBED, Problems
from figment.server.settings import Settings
from figment.server.studio import Studio
from figment.studio.jobs.places import database_of
from figment.studio.jobs.store import JobStore
from figment.studio.jobs.supervise import Supervisor

__all__ = ["app"]

PROTOCOLS = (a1111, openai)
"""Foreign protocols: each has a `router`, the PREFIX of its paths, and `problem`, its form of an error."""

PAGE = {"/": "index.html", "/index.html": "index.html", "/icon.svg": "icon.svg"}
"""Files of the page by their paths, besides those in /assets."""


def app(settings: Settings) -> FastAPI:
    """The application. Raises InputError when another studio has the folder, OutputError when it cannot be written."""
    problems = Problems({module.PREFIX: module.problem for module in PROTOCOLS})
    accounts, requests = Accounts(settings.root, settings.token), Requests()
    studio = _opened(settings, accounts, requests)

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        if studio.supervisor is not None:
            studio.supervisor.start()
        watching = asyncio.create_task(studio.watcher.run())
        try:
            yield
        finally:
            watching.cancel()
            if studio.supervisor is not None:
                await asyncio.to_thread(studio.supervisor.stop)
            studio.store.close()

    made = FastAPI(
        title="Figment",
        version=__version__,
        lifespan=life,
        openapi_url="/api/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        middleware=[
            Middleware(requests.counting),
            Middleware(Guard, settings=settings, accounts=accounts, problems=problems),
        ],
    )
    made.state.studio = studio
    problems.watch(made)
    for module in (native, file_routes, shelves, prompts, swaps):
        made.include_router(module.router, responses=DESCRIBED)
    for module in (metrics, *PROTOCOLS):
        made.include_router(module.router)
    made.add_api_route("/health", native.health, include_in_schema=False)
    _show_page(made, Path(str(files("figment.server") / "page")))
    return made


def _show_page(app: FastAPI, folder: Path) -> None:
    """Serve the page's files, each path by itself: a path that is nobody's is 404, and a wrong method 405."""
    if not folder.is_dir():
        return
    page = StaticFiles(directory=folder)
    for path, name in PAGE.items():

        async def shown(request: Request, name: str = name) -> Response:
            return await page.get_response(name, request.scope)

        app.add_route(path, shown, include_in_schema=False)
    app.mount("/assets", StaticFiles(directory=folder / "assets", check_dir=False))


def _opened(settings: Settings, accounts: Accounts, requests: Requests) -> Studio:
    store = JobStore(database_of(settings.root), capacity=settings.capacity, per_user=settings.per_user)
    supervisor = Supervisor(settings.root, store) if settings.work else None
    return Studio(settings, store, Watcher(store), accounts, supervisor, requests)
