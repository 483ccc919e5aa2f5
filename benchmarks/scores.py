"""Shares of right answers with their intervals, as a Markdown table."""

from collections.abc import Sequence
from dataclasses import dataclass

from figment.metrics.intervals import wilson

__all__ = ["Row", "Score", "table", "with_parts"]


@dataclass(frozen=True)
class Score:
    """Right ones of so many."""

    hits: int
    total: int

    def __add__(self, other: "Score") -> "Score":
        return Score(self.hits + other.hits, self.total + other.total)

    def __str__(self) -> str:
        low, high = wilson(self.hits, self.total)
        return f"{self.hits / self.total:.1%} [{low:.1%}, {high:.1%}] of {self.total}"


@dataclass(frozen=True)
class Row:
    """One line of the table; there may be no real pictures to compare with."""

    name: str
    made: Score
    real: Score | None = None


def with_parts(name: str, rows: Sequence[Row]) -> Row:
    """The sum of the rows that are called "name: part"."""
    first, second = (row for row in rows if row.name.startswith(f"{name}:"))
    together = None if first.real is None or second.real is None else first.real + second.real
    return Row(name, first.made + second.made, together)


def table(rows: Sequence[Row]) -> list[str]:
    """Lines of a Markdown table with 95 % intervals."""
    lines = [f"| {row.name} | {row.made} | {row.real or 'none'} |" for row in rows]
    return ["| right | model [95 % interval] | real held-out pictures |", "|---|---|---|", *lines]
