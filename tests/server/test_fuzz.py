"""Anything at all, sent to every route that is described: no answer is a fault of ours."""

from typing import Any
from urllib.parse import quote

from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["kind", "parameters", "name", "role", "key", "request", "prompt", "model", "options", "steps"])
KINDS = st.sampled_from(["create", "train", "sample", "compare", "verify"])
BODIES = st.dictionaries(NAMES, ANYTHING | KINDS, max_size=5)
PARTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=30)


def _routes(client: TestClient) -> list[tuple[str, str]]:
    paths: dict[str, Any] = client.get("/api/openapi.json").json()["paths"]
    routes = [(method, path) for path, methods in paths.items() for method in methods]
    return [(method, path) for method, path in routes if path.startswith("/api") and path != "/api/events"]


def test_no_request_breaks_the_server(client: TestClient) -> None:
    routes = _routes(client)
    assert len(routes) > 20

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.sampled_from(routes), PARTS, BODIES, st.dictionaries(PARTS, PARTS, max_size=2))
    def ask(route: tuple[str, str], part: str, body: dict[str, Any], query: dict[str, str]) -> None:
        method, path = route
        for name in ("{id}", "{name}", "{file}", "{shelf}"):
            path = path.replace(name, quote(part, safe="/."))
        sent = {"json": body} if method in ("post", "put") else {}
        answer = client.request(method, path, params=query, **sent)  # type: ignore[arg-type]  # json is any JSON
        assert answer.status_code < 500
        if answer.status_code >= 400:
            assert answer.json()["detail"]

    ask()
    assert client.get("/api/health").json()["status"] == "ok"
