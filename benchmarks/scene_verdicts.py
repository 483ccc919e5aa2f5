"""Whether a picture shows the scene that was asked for. The oracle finds the objects; the judge says what they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray
from sprite_judge import SIDE, stacked
from torch import Tensor

from figment.data.palette import COLOURS
from figment.data.scene import Placed, Scene, position, relation
from figment.metrics.judge import Judge
from figment.metrics.oracle import Found, Sight, cut_out, look

__all__ = ["PALETTE", "VERDICTS", "Witness", "witness"]

PALETTE = {name: colour.rgb for name, colour in COLOURS.items()}
TOP = 5


@dataclass(frozen=True, eq=False)
class Witness:
    """What oracle and judge see in one picture."""

    sight: Sight
    concepts: Tensor
    """(objects, concepts) log-probabilities of every object, cut out."""
    styles: Tensor
    """(styles,) log-probabilities, the mean over the objects."""
    style_names: tuple[str, ...]


@torch.no_grad()
def witness(picture: NDArray[np.uint8], judge: Judge, style_names: tuple[str, ...]) -> Witness:
    """Look at `picture` (H, W, 3)."""
    sight = look(picture, PALETTE)
    if not sight.objects:
        nothing = torch.zeros(0, judge.sizes.concepts)
        return Witness(sight, nothing, torch.zeros(judge.sizes.styles), style_names)
    crops = stacked([cut_out(picture, found.mask, SIDE) for found in sight.objects])
    concepts, styles = judge(crops.to(next(judge.parameters()).device))
    log_styles = styles.log_softmax(dim=1).mean(dim=0)
    return Witness(sight, concepts.log_softmax(dim=1).cpu(), log_styles.cpu(), style_names)


def has_objects(scene: Scene, seen: Witness) -> bool:
    """Every concept is in the judge's top 5 of an object of its own."""
    wanted = {placed.concept for placed in scene.objects}
    top = seen.concepts.topk(TOP, dim=1).indices.tolist()
    return any(
        all(concept in guess for concept, guess in zip(wanted, order, strict=True))
        for order in permutations(top, len(wanted))
    )


def has_count(scene: Scene, seen: Witness) -> bool:
    """There are as many objects as were asked for."""
    return len(seen.sight.objects) == len(scene.objects)


def has_place(scene: Scene, seen: Witness) -> bool:
    """There is one object, at the place that was said."""
    objects, wanted = seen.sight.objects, scene.objects[0]
    return len(objects) == 1 and position(_moved(wanted, objects[0])) == position(wanted)


def has_relation(scene: Scene, seen: Witness) -> bool:
    """There are two objects, and of the two ways to name them the one that the judge holds for likelier is as asked."""
    if len(seen.sight.objects) != 2:
        return False
    first, second = scene.objects
    chances = seen.concepts[:, [first.concept, second.concept]]
    swapped = bool(chances[1, 0] + chances[0, 1] > chances[0, 0] + chances[1, 1])
    one, other = seen.sight.objects[::-1] if swapped else seen.sight.objects
    return relation(_moved(first, one), _moved(second, other)) == relation(first, second)


def has_object_colour(scene: Scene, seen: Witness) -> bool:
    """All objects, of which there is at least one, are painted in the colour that was said."""
    return {seen.sight.colour(found) for found in seen.sight.objects} == {scene.objects[0].colour}


def has_ground(scene: Scene, seen: Witness) -> bool:
    """The ground has the colours that were said, at the top and at the bottom."""
    return seen.sight.ground == (scene.ground.colour, scene.ground.second or scene.ground.colour)


def has_style(scene: Scene, seen: Witness) -> bool:
    """There are objects, and their style is the likeliest."""
    return bool(seen.sight.objects) and seen.style_names[int(seen.styles.argmax())] == scene.style


VERDICTS: Mapping[str, Callable[[Scene, Witness], bool]] = {
    "object": has_objects,
    "count": has_count,
    "position: place": has_place,
    "position: relation": has_relation,
    "colour: object": has_object_colour,
    "colour: ground": has_ground,
    "style": has_style,
}
"""The verdict of every category of scenes."""


def _moved(placed: Placed, found: Found) -> Placed:
    x, y = found.centre
    return replace(placed, x=x, y=y)
