from dataclasses import replace

import numpy as np
import pytest

from figment.data.palette import COLOURS
from figment.data.scene import WHITE, Ground, Placed, Scene, position
from figment.data.scene_render import render
from figment.data.scenes import Mix, random_scene
from figment.data.sprite_pack import SpritePack
from figment.metrics.oracle import cut_out, look

PALETTE = {name: colour.rgb for name, colour in COLOURS.items()}
EVERYTHING = Mix(centred=0.3, placed=0.3, related=0.2, counted=0.2, recoloured=0, plain=0.4, gradient=0.3)
SCENES = 50


@pytest.mark.parametrize("size", [64, 128])
def test_count_boxes_places_and_grounds_of_scenes_are_seen(shapes: SpritePack, size: int) -> None:
    right = 0
    for number in range(SCENES):
        scene = random_scene(shapes, 3, number, mix=EVERYTHING)
        rendered = render(scene, shapes, size)
        sight = look(rendered.image, PALETTE)
        wanted = (scene.ground.colour, scene.ground.second or scene.ground.colour)
        right += sight.ground == wanted and _same_objects(scene, rendered.boxes, [each.box for each in sight.objects])
    assert right >= 0.95 * SCENES


def _same_objects(
    scene: Scene, boxes: tuple[tuple[int, int, int, int], ...], seen: list[tuple[int, int, int, int]]
) -> bool:
    if len(boxes) != len(seen):
        return False
    return all(any(np.abs(np.subtract(box, other)).max() <= 2 for other in seen) for box in boxes)


@pytest.mark.parametrize("number", range(12))
def test_place_is_named_as_the_caption_does(shapes: SpritePack, number: int) -> None:
    scene = random_scene(shapes, 9, number, mix=Mix(0, 1, 0, 0, recoloured=0))
    (found,) = look(render(scene, shapes, 128).image, PALETTE).objects
    x, y = found.centre
    assert position(replace(scene.objects[0], x=x, y=y)) == position(scene.objects[0])


@pytest.mark.parametrize("colour", [name for name in COLOURS if name != "white"])
def test_painted_object_has_the_name_of_its_colour(shapes: SpritePack, colour: str) -> None:
    scene = Scene((Placed(1, 0, 0.5, 0.5, 0.8, colour),), WHITE, "striped")
    sight = look(render(scene, shapes, 128).image, PALETTE)
    assert [sight.colour(found) for found in sight.objects] == [colour]


def test_sees_through_the_noise_of_a_decoder(shapes: SpritePack) -> None:
    scene = Scene((Placed(0, 0, 0.25, 0.5, 0.4), Placed(2, 1, 0.75, 0.5, 0.4)), Ground("blue", "pink"), "filled")
    clean = render(scene, shapes, 128).image
    noise = np.random.default_rng(0).normal(0, 4, clean.shape)
    sight = look(np.clip(clean + noise, 0, 255).astype(np.uint8), PALETTE)
    assert sight.ground == ("blue", "pink")
    assert len(sight.objects) == 2


def test_an_object_that_reaches_the_edge_does_not_change_the_ground(shapes: SpritePack) -> None:
    image = render(Scene((Placed(2, 1, 0.2, 0.5, 0.4),), Ground("yellow"), "filled"), shapes, 128).image
    shifted = np.concatenate([image[:, 8:], image[:, -8:]], axis=1)
    assert look(shifted, PALETTE).ground == ("yellow", "yellow")


def test_an_empty_picture_has_no_objects() -> None:
    sight = look(np.full((64, 64, 3), PALETTE["green"], np.uint8), PALETTE)
    assert sight.objects == ()
    assert sight.ground == ("green", "green")


def test_cut_out_leaves_nothing_but_the_object(shapes: SpritePack) -> None:
    rendered = render(Scene((Placed(2, 1, 0.2, 0.3, 0.3),), Ground("red"), "filled"), shapes, 128)
    alone = cut_out(rendered.image, rendered.masks[0] > 127, 64)
    assert alone.shape == (64, 64, 3)
    assert alone[:3].min() > 250  # the resampling filter rings a little
    assert (alone[32, 32] == rendered.image[38, 26]).all()
