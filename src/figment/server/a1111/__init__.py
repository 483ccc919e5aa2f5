"""The interface of AUTOMATIC1111's web UI, /sdapi/v1, as its 1.10 has it: what its clients ask for, done by jobs."""

from figment.server.a1111.errors import PREFIX, problem
from figment.server.a1111.routes import router

__all__ = ["PREFIX", "problem", "router"]
