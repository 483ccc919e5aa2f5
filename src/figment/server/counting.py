"""Requests, counted."""

import time
from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Requests"]


class Requests:
    """Counts requests by the class of their status, and the seconds to their first answer."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.seconds = 0.0

    def counting(self, app: ASGIApp) -> ASGIApp:
        """`app`, counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            begun = time.perf_counter()

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self.count[f"{message['status'] // 100}xx"] += 1
                    self.seconds += time.perf_counter() - begun
                await send(message)

            await app(scope, receive, noted)

        return counted
