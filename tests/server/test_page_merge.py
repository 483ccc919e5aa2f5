"""The merge editor of the page beside the settings that merging has, and the keys of a terminal."""

import re
from enum import Enum
from pathlib import Path

from figment.core.config import schema, to_dict
from figment.faceswap.merge import MergeSettings
from figment.faceswap.merge.keys import PAIRS

SOURCE = (Path(__file__).parents[2] / "web/src/lib/swap.ts").read_text("utf-8")
FRESH = to_dict(MergeSettings())


def test_every_number_can_be_set_with_its_keys_and_bounds() -> None:
    rows = re.findall(r"\['(\w+)', '(.)', '(.)', (-?\d+), (\d+), (\d+)\]", SOURCE)
    page = {name: ((more, less), *map(int, numbers)) for name, more, less, *numbers in rows}
    bounds = {name: one for name, one in schema(MergeSettings)["properties"].items() if "maximum" in one}
    keys = {name: pair for pair, name in PAIRS.items()}
    assert page == {name: (keys[name], one["minimum"], one["maximum"], FRESH[name]) for name, one in bounds.items()}


def test_every_choice_is_offered_with_the_usual_one_first() -> None:
    rows = re.findall(r"\['(\w+)', '.?', \[(.*?)\]\]", SOURCE)
    page = {name: re.findall(r"'([^']+)'", values) for name, values in rows}
    choices = {name: type(value) for name, value in vars(MergeSettings()).items() if isinstance(value, Enum)}
    assert {name: set(values) for name, values in page.items()} == {name: {*kind} for name, kind in choices.items()}
    assert {name: values[0] for name, values in page.items()} == {name: FRESH[name] for name in choices}
