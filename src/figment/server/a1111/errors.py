"""Errors as AUTOMATIC1111 writes them."""

from http import HTTPStatus
from typing import Any

__all__ = ["PREFIX", "problem"]

PREFIX = "/sdapi/"


def problem(status: int, detail: str) -> dict[str, Any]:
    """Body of an error. Clients show `detail`, or `errors` where that is empty."""
    name = "HTTPException" if status < 500 else HTTPStatus(status).phrase.title().replace(" ", "")
    return {"error": name, "detail": detail, "body": "", "errors": detail}
