"""The interface of AUTOMATIC1111's web UI, /sdapi/v1, as its 1.10 has it: what its clients ask for, done by jobs."""

from fastapi import APIRouter

from figment.server.a1111 import internal, routes
from figment.server.a1111.errors import PREFIX, problem

__all__ = ["PREFIX", "problem", "router"]

router = APIRouter(tags=["AUTOMATIC1111"])
router.include_router(routes.router)
router.include_router(internal.router)
