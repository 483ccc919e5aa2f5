"""Errors as answers: problem JSON (RFC 9457), or the form of the foreign protocol whose path was asked for."""

import logging
import math
import random
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from figment.core.errors import FigmentError, InputError, OutputError
from figment.pixels.errors import PixelError
from figment.studio.jobs.job import NoSuchJob, QueueFull
from figment.trust.consent import ConsentError

__all__ = ["DESCRIBED", "Form", "Problem", "Problems", "plainly"]

Form = Callable[[int, str], Mapping[str, Any]]
"""Body of an error, from its status and a sentence."""
DESCRIBED: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What is wrong, in a sentence",
        "content": {
            "application/problem+json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                    },
                    "required": ["type", "title", "status", "detail"],
                }
            }
        },
    }
}
"""Errors of the studio's own interface, as its description has them."""
_log = logging.getLogger(__name__)


class Problem(FigmentError):
    """A request that is refused with this HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class Problems:
    """Answers for what went wrong; `forms` are those of foreign protocols by the beginning of their paths."""

    def __init__(self, forms: Mapping[str, Form]) -> None:
        self.forms = forms

    def answer(self, path: str, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
        """The error as the protocol of `path` has it."""
        for prefix, form in self.forms.items():
            if path.startswith(prefix):
                return JSONResponse(form(status, detail), status, headers)
        body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
        return JSONResponse(body, status, headers, "application/problem+json")

    def watch(self, app: FastAPI) -> None:
        """Answer all errors of `app`."""
        app.add_exception_handler(FigmentError, self._ours)
        app.add_exception_handler(PixelError, self._ours)
        app.add_exception_handler(RequestValidationError, self._unreadable)
        app.add_exception_handler(HTTPException, self._refused)
        app.add_exception_handler(Exception, self._fault)

    async def _ours(self, request: Request, error: Exception) -> Response:
        headers = None
        if isinstance(error, QueueFull):
            headers = {"Retry-After": str(math.ceil(error.retry_after * random.uniform(1, 2)))}  # noqa: S311  # apart
        status = _status(error)
        _log.info("%s %s: %s %s", request.method, request.url.path, status, error)
        return self.answer(request.url.path, status, str(error), headers)

    async def _unreadable(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return self.answer(request.url.path, 422, plainly(error))

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self.answer(request.url.path, error.status_code, str(error.detail), error.headers)

    async def _fault(self, request: Request, error: Exception) -> Response:
        return self.answer(request.url.path, 500, "This should not happen; the server's log says more.")


def plainly(error: RequestValidationError) -> str:
    """One sentence for the first thing wrong with a request."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "The body"
    return f"{where}: {first['msg']}."


def _status(error: Exception) -> int:
    match error:
        case Problem():
            return error.status
        case NoSuchJob():
            return 404
        case QueueFull():
            return 429
        case OutputError():
            return 507
        case ConsentError():
            return 403
        case InputError() | PixelError():
            return 422
    return 500
