"""Scenes: what is drawn, what is said, and that both agree."""

import colorsys

import numpy as np
import pytest
import torch

from figment.core.errors import InputError
from figment.data import nouns
from figment.data.grammar import Language, caption
from figment.data.palette import COLOURS, is_paintable, tint
from figment.data.scene import WHITE, Ground, Placed, Scene, position, relation
from figment.data.scene_render import render
from figment.data.scenes import Mix, random_scene
from figment.data.sprite_pack import Concept, SpritePack
from figment.data.sprite_sets import Scenes, single_sprites

RELATED = Mix(centred=0, placed=0, counted=0)
COUNTED = Mix(centred=0, placed=0, related=0)
PLACED = Mix(centred=0, related=0, counted=0)


def ways(scene: Scene, pack: SpritePack, language: Language) -> set[str]:
    return {caption(scene, pack, language, seed) for seed in range(300)}


def test_a_series_is_the_same_every_time_and_another_for_another_seed(pack: SpritePack) -> None:
    first = Scenes(pack, 32).batch(3, 8, seed=5)
    again = Scenes(pack, 32).batch(3, 8, seed=5)
    other = Scenes(pack, 32).batch(3, 8, seed=6)
    assert first.images is not None
    assert again.images is not None
    assert other.images is not None
    assert torch.equal(first.images, again.images)
    assert first.texts == again.texts
    assert not torch.equal(first.images, other.images)


def test_batches_have_the_promised_shapes(pack: SpritePack) -> None:
    for size in (32, 64, 128):
        batch = Scenes(pack, size).batch(0, 4)
        assert batch.images is not None
        assert batch.texts is not None
        assert batch.labels is not None
        assert batch.images.shape == (4, 3, size, size)
        assert batch.images.dtype == torch.float32
        assert -1 <= float(batch.images.min()) < float(batch.images.max()) <= 1
        assert batch.labels.dtype == torch.int64
        assert len(batch.texts) == 4
    with pytest.raises(InputError, match="32, 64, 128 pixels wide, not 48"):
        Scenes(pack, 48)


def test_batches_of_any_size_cut_the_same_series(pack: SpritePack) -> None:
    scenes = Scenes(pack, 32)
    whole, half = scenes.batch(0, 8), scenes.batch(1, 4)
    assert whole.texts is not None
    assert half.texts == whole.texts[4:]


def test_held_out_pairs_never_occur_in_training_nor_others_in_the_held_out_scenes(pack: SpritePack) -> None:
    for held_out in (False, True):
        for number in range(300):
            scene = random_scene(pack, 0, number, held_out=held_out)
            assert {pack.sprites[placed.sprite].held_out for placed in scene.objects} == {held_out}
            assert {pack.sprites[placed.sprite].style for placed in scene.objects} == {scene.style}
    assert Scenes(pack, 32, held_out=True).name == "scenes:heldout"


def test_the_mix_is_kept(pack: SpritePack) -> None:
    scenes = [random_scene(pack, 1, number) for number in range(3000)]
    single = [scene.objects[0] for scene in scenes if len(scene.objects) == 1]
    counted = [s for s in scenes if len(s.objects) > 1 and len({placed.concept for placed in s.objects}) == 1]
    assert abs(sum(placed.size >= 0.72 for placed in single) / 3000 - 0.65) < 0.03
    assert abs(sum(placed.size < 0.6 for placed in single) / 3000 - 0.10) < 0.02
    assert abs(len(counted) / 3000 - 0.10) < 0.02
    assert abs(sum(scene.ground == WHITE for scene in scenes) / 3000 - 0.50) < 0.03
    assert abs(sum(scene.ground.second is not None for scene in scenes) / 3000 - 0.15) < 0.02


def test_single_sprites_are_untinted_and_in_the_middle(pack: SpritePack) -> None:
    dataset = single_sprites(pack, 32)
    for number in range(100):
        (placed,) = dataset.scene(number).objects
        assert placed.colour is None
        assert position(placed) == "centre"
    assert dataset.name == "sprites"
    assert len(dataset) == 12


@pytest.mark.parametrize("size", [32, 64, 128])
def test_objects_never_touch_each_other(pack: SpritePack, size: int) -> None:
    for mix in (RELATED, COUNTED):
        for number in range(60):
            masks = render(random_scene(pack, 2, number, mix=mix), pack, size).masks
            assert len(masks) in (2, 3)
            assert np.stack([mask > 0 for mask in masks]).sum(0).max() == 1


def test_boxes_and_masks_say_where_the_pixels_are(pack: SpritePack) -> None:
    for number in range(40):
        scene = random_scene(pack, 3, number, mix=RELATED)
        drawn = render(scene, pack, 64)
        for mask, (left, top, right, bottom) in zip(drawn.masks, drawn.boxes, strict=True):
            assert mask[top:bottom, left:right].sum() == mask.sum()
            edges = (mask[top], mask[bottom - 1], mask[:, left], mask[:, right - 1])
            assert all(edge.any() for edge in edges)
        bare = render(Scene((), scene.ground, scene.style), pack, 64).image
        covered = np.maximum.reduce(drawn.masks) > 0
        assert np.array_equal(drawn.image[~covered], bare[~covered])
        (x, y), (u, v) = (((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in drawn.boxes)
        seen = {"left": x < u, "right": x > u, "above": y < v, "below": y > v}
        assert seen[relation(*scene.objects)]


def test_opacity_follows_the_alpha_of_the_sprite(pack: SpritePack) -> None:
    number = pack.of(1, "flat")[0]  # drawn with opacity 0.8
    scene = Scene((Placed(number, 1, 0.5, 0.5, 1.0),), Ground("black"), "flat")
    sprite = pack.rgba(number).astype(float)
    alpha = sprite[..., 3:] / 255
    expected = sprite[..., :3] * alpha + np.array(COLOURS["black"].rgb) * (1 - alpha)
    assert np.abs(render(scene, pack, 48).image - expected).max() <= 0.51


def test_a_gradient_goes_from_the_first_colour_at_the_top_to_the_second(pack: SpritePack) -> None:
    image = render(Scene((), Ground("red", "blue"), "3d"), pack, 32).image
    assert tuple(image[0, 7]) == COLOURS["red"].rgb
    assert tuple(image[-1, 20]) == COLOURS["blue"].rgb


@pytest.mark.parametrize("colour", COLOURS)
def test_a_tint_gives_the_hue_of_its_colour_and_keeps_light_and_dark_apart(pack: SpritePack, colour: str) -> None:
    sprite = pack.rgba(pack.of(1, "3d")[0])
    tinted = tint(sprite, colour)
    assert np.array_equal(tinted[..., 3], sprite[..., 3])
    body, eye = tinted[24, 24, :3] / 255, tinted[29, 18, :3] / 255
    if colour in ("black", "white", "grey"):
        assert np.ptp(body) < 0.05
    else:
        hues = [colorsys.rgb_to_hsv(*rgb)[0] for rgb in (body, np.array(COLOURS[colour].rgb) / 255)]
        assert min(abs(hues[0] - hues[1]), 1 - abs(hues[0] - hues[1])) < 0.02
    assert eye.sum() < body.sum()


def test_black_grey_and_white_tints_differ_in_brightness(pack: SpritePack) -> None:
    sprite = pack.rgba(pack.of(1, "3d")[0])
    means = [tint(sprite, colour)[sprite[..., 3] > 200][:, :3].mean() for colour in ("black", "grey", "white")]
    assert means[0] + 50 < means[1]
    assert means[1] + 50 < means[2]


def test_captions_say_colour_place_ground_and_style(pack: SpritePack) -> None:
    apple = Placed(pack.of(0, "3d")[0], 0, 0.22, 0.5, 0.4, "blue")
    scene = Scene((apple,), Ground("yellow"), "3d")
    english, korean = ways(scene, pack, "en"), ways(scene, pack, "ko")
    assert "a blue apple on the left, yellow background, 3D style" in english
    assert "노란 배경 왼쪽에 파란 사과, 3D 스타일" in korean
    assert all("blue apple" in text and "left" in text and "yellow background" in text for text in english)
    assert all("파란 사과" in text and "왼쪽" in text and "노란 배경" in text for text in korean)
    assert len(english) >= 10
    assert len(korean) >= 8


def test_style_is_said_three_times_in_five_and_white_never(pack: SpritePack) -> None:
    scene = Scene((Placed(pack.of(1, "3d")[0], 1, 0.5, 0.5, 0.8),), WHITE, "3d")
    texts = [caption(scene, pack, "en", seed) for seed in range(1000)]
    assert abs(np.mean(["3D style" in text for text in texts]) - 0.6) < 0.05
    assert abs(np.mean(["pet" in text for text in texts]) - 0.2) < 0.04
    assert not any("background" in text or "white" in text for text in texts)
    assert {"cat", "a cat"} <= set(texts)


def test_relations_are_said_from_either_side(pack: SpritePack) -> None:
    apple, cat = Placed(0, 0, 0.25, 0.5, 0.4), Placed(1, 1, 0.75, 0.5, 0.4)
    scene = Scene((apple, cat), WHITE, "flat")
    assert {"a red apple on the left of a cat", "a cat on the right of a red apple"} <= ways(scene, pack, "en")
    assert {"고양이 왼쪽에 빨간 사과", "빨간 사과 오른쪽에 있는 고양이"} <= ways(scene, pack, "ko")


def test_counts_are_said(pack: SpritePack) -> None:
    for count, english, korean in ((2, "two cats", "고양이 두 마리"), (3, "three cats", "고양이 세 마리")):
        cats = tuple(Placed(1, 1, (n + 0.5) / count, 0.5, 0.28) for n in range(count))
        assert english in ways(Scene(cats, WHITE, "flat"), pack, "en")
        assert korean in ways(Scene(cats, WHITE, "flat"), pack, "ko")


def test_half_of_the_captions_are_korean(pack: SpritePack) -> None:
    texts = Scenes(pack, 32).batch(0, 400).texts
    assert texts is not None
    assert abs(np.mean([any("가" <= letter <= "힣" for letter in text) for text in texts]) - 0.5) < 0.08


def test_tinted_objects_differ_from_their_ground_and_flags_keep_their_colours(pack: SpritePack) -> None:
    tinted = 0
    for number in range(400):
        scene = random_scene(pack, 4, number, mix=Mix(recoloured=1))
        for placed in scene.objects:
            if placed.colour is not None:
                tinted += 1
                assert placed.colour not in (scene.ground.colour, scene.ground.second)
                assert placed.concept != 3
    assert tinted > 200
    assert not is_paintable(Concept("w", "", "woman: red hair", ""))


@pytest.mark.parametrize(
    ("noun", "plural"),
    [
        ("cat", "two cats"),
        ("fox", "two foxes"),
        ("strawberry", "two strawberries"),
        ("house with garden", "two houses with garden"),
        ("snowman", "two snowmen"),
        ("grapes", "two grapes"),
    ],
)
def test_english_plurals(noun: str, plural: str) -> None:
    assert nouns.counted_english(noun, 2) == plural


def test_articles_and_particles() -> None:
    assert [nouns.with_article(noun) for noun in ("apple", "unicorn", "cat", "grapes", "cactus")] == [
        "an apple",
        "a unicorn",
        "a cat",
        "grapes",
        "a cactus",
    ]
    assert nouns.with_particle("사과", "을", "를") == "사과를"
    assert nouns.with_particle("손", "을", "를") == "손을"
    assert nouns.with_particle("풀", "으로", "로") == "풀로"
