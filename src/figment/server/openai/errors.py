"""Errors as OpenAI writes them."""

import re
from typing import Any

__all__ = ["PREFIX", "problem"]

PREFIX = "/v1/"
_PARAM = re.compile(r"([a-z_]+)(?:\[\])?: ")
_CODES = {401: "invalid_api_key", 404: "not_found", 413: "request_too_large", 429: "rate_limit_exceeded"}


def problem(status: int, detail: str) -> dict[str, Any]:
    """Body of an error. `param` is the field that `detail` begins with, as "size: ..."."""
    match = _PARAM.match(detail)
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
    code = "model_not_found" if status == 404 and match and match[1] == "model" else _CODES.get(status)
    if status >= 500:
        kind, code = "server_error", None
    elif code is None:
        code = "invalid_value"
    return {"error": {"message": detail, "type": kind, "param": match[1] if match else None, "code": code}}
