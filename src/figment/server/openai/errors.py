"""Errors as OpenAI writes them: what cannot be used is 400, never 422."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from figment.core.errors import InputError
from figment.pixels.errors import PixelError
from figment.server.problems import Problem, plainly

__all__ = ["PREFIX", "Route", "problem"]

PREFIX = "/v1/"
_PARAM = re.compile(
    r"(?:request\.)?(prompt|model|n|size|quality|background|output_format|output_compression|response_format|stream"
    r"|partial_images|image|mask|input_fidelity)(?:\[\])?:? "
)
_CODES = {401: "invalid_api_key", 404: "not_found", 413: "request_too_large", 429: "rate_limit_exceeded"}


def problem(status: int, detail: str) -> dict[str, Any]:
    """Body of an error. `param` is the field that `detail` begins with, if any."""
    match = _PARAM.match(detail)
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
    code = "model_not_found" if status == 404 and match and match[1] == "model" else _CODES.get(status)
    if status >= 500:
        kind, code = "server_error", None
    elif code is None:
        code = "invalid_value"
    return {"error": {"message": detail, "type": kind, "param": match[1] if match else None, "code": code}}


class Route(APIRoute):
    """A route whose requests are refused with 400."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its errors turned."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise Problem(400, plainly(error)) from None
            except (InputError, PixelError) as error:
                raise Problem(400, str(error)) from None

        return handled
