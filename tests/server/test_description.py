"""The interface as its description has it: whatever that allows is asked for, and every answer is held to it.

What it forbids is sent as well, where there is a body, and must be refused. Requests may be refused for what a
description cannot say, such as the name of a model that is not there.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import positive_data_acceptance
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from tests.server.live import running

Operation = APIOperation[Any, Any, Any, Any]
ALLOWED, FORBIDDEN = 8, 5
"""Requests to each route."""


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Operation]]:
    """Of the studio's own interface, but for the stream of events, which has no end."""
    with running(tmp_path_factory.mktemp("studio"), work=False) as address:
        described = schemathesis.openapi.from_url(f"{address}/api/openapi.json")
        own = described.include(path_regex="^/api/").exclude(path="/api/events")
        found = list(own.get_all_operations())
        known = [one.ok() for one in found if isinstance(one, Ok)]
        assert len(known) == len(found)
        yield known


def _ask(operation: Operation, mode: GenerationMode, requests: int) -> None:
    @seed(1)
    @settings(
        max_examples=requests,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def asked(case: Case[Any]) -> None:
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    asked()


def test_what_is_described_is_answered_as_described(operations: list[Operation]) -> None:
    assert len(operations) > 30
    for operation in operations:
        _ask(operation, GenerationMode.POSITIVE, ALLOWED)


def test_bodies_that_are_not_as_described_are_refused(operations: list[Operation]) -> None:
    with_body = [one for one in operations if any(body.media_type == "application/json" for body in one.body)]
    assert len(with_body) > 5
    for operation in with_body:
        _ask(operation, GenerationMode.NEGATIVE, FORBIDDEN)
