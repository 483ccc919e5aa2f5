"""The sprite pack, from drawings to memory-mapped pictures."""

import json
from pathlib import Path

import numpy as np
import pytest

from figment.core.errors import DataError
from figment.core.task import finish
from figment.data.home import data_home
from figment.data.npm import Archive, Package, fetch
from figment.data.sprite_collection import Collection, Glyph, collect
from figment.data.sprite_names import canonical
from figment.data.sprite_pack import IMAGES, INDEX, MANIFEST, SpritePack
from figment.data.sprite_raster import rasterise
from figment.data.sprite_sources import sprite_sources
from figment.data.sprites import SHARD, is_held_out, write_pack


def pack_files(root: Path) -> dict[str, bytes]:
    return {name: (root / name).read_bytes() for name in (IMAGES, INDEX, MANIFEST)}


def test_the_pack_names_every_sprite(pack: SpritePack, collection: Collection) -> None:
    assert pack.styles == ("flat", "3d")
    assert pack.concepts == collection.concepts
    assert pack.sources == collection.sources
    assert len(pack.sprites) == 14
    assert [pack.sprites[number].tone for number in pack.of(2, "3d")] == [(), (1,), (5,)]
    assert pack.of(0, "noto") == ()


def test_sprites_fill_a_transparent_square_and_keep_their_colour(pack: SpritePack) -> None:
    for number in range(len(pack.sprites)):
        sprite = pack.rgba(number)
        assert sprite.shape == (48, 48, 4)
        rows, columns = (np.flatnonzero((sprite[..., 3] > 40).any(axis)) for axis in (1, 0))
        sides = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        assert 44 <= max(sides) <= 48
        assert abs(rows[0] + rows[-1] - 47) <= 2  # centred
        assert abs(columns[0] + columns[-1] - 47) <= 2
    red = pack.rgba(pack.of(0, "3d")[0])[28, 24]
    assert np.abs(red[:3].astype(int) - (0xDD, 0x22, 0x22)).max() < 16
    assert red[3] > 245


def test_the_same_drawings_give_the_same_bytes(tmp_path: Path, collection: Collection) -> None:
    for name in ("one", "two"):
        finish(write_pack(tmp_path / name, collection, size=24, workers=1))
    assert pack_files(tmp_path / "one") == pack_files(tmp_path / "two")


def test_a_build_that_was_cut_short_goes_on(tmp_path: Path, collection: Collection) -> None:
    many = Collection(collection.concepts, collection.glyphs * (2 * SHARD // len(collection.glyphs) + 1), ())
    task = write_pack(tmp_path / "cut", many, size=16, workers=1)
    assert next(task).step == 1
    task.close()
    assert not (tmp_path / "cut" / INDEX).exists()
    (shard,) = (tmp_path / "cut").glob("shards-*/*.bin")
    written = shard.stat().st_mtime_ns, shard.stat().st_ino
    task = write_pack(tmp_path / "cut", many, size=16, workers=1)
    assert next(task).step == 2
    assert (shard.stat().st_mtime_ns, shard.stat().st_ino) == written
    finish(task)
    assert not list((tmp_path / "cut").glob("shards-*"))
    finish(write_pack(tmp_path / "whole", many, size=16, workers=1))
    assert pack_files(tmp_path / "cut") == pack_files(tmp_path / "whole")


def test_bitmaps_are_taken_like_drawings(collection: Collection) -> None:
    webp = rasterise(collection.glyphs[0].art, 64)
    assert rasterise(webp, 32)[:4] == b"RIFF"


def test_one_pair_in_twenty_is_held_out() -> None:
    share = np.mean([is_held_out(f"concept{number}", "3d") for number in range(20_000)])
    assert abs(share - 0.05) < 0.006


def test_a_missing_pack_says_how_to_build_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no sprite pack in .*; build it with `figment data build sprites`\."):
        SpritePack.open(tmp_path)


def test_a_cut_off_pack_is_refused(tmp_path: Path, collection: Collection) -> None:
    finish(write_pack(tmp_path, collection, size=16, workers=1))
    images = tmp_path / IMAGES
    images.write_bytes(images.read_bytes()[:-10])
    with pytest.raises(DataError, match="damaged"):
        SpritePack.open(tmp_path)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("1F34E", "1f34e"),
        ("2764-FE0F", "2764"),
        ("0039-fe0f-20e3", "39-20e3"),
        ("1F3F4-E0067-E007F", "1f3f4-e0067"),
        ("1f3f4-e0067_e0062", "1f3f4-e0067-e0062"),
    ],
)
def test_code_points_of_all_sources_compare(written: str, same: str) -> None:
    assert canonical(written) == same


def archive(members: dict[str, object]) -> Archive:
    """An archive whose members are already read."""
    filled = Archive(Path("unread.tgz"))
    filled.__dict__["members"] = {
        name: value if isinstance(value, bytes) else json.dumps(value).encode() for name, value in members.items()
    }
    return filled


def test_pictures_join_their_names_by_code_point_and_slug() -> None:
    skins = [{"hexcode": "1F44B-1F3FB", "tone": 1}, {"hexcode": "1F44B-1F3FF", "tone": 5}]
    hand = {"hexcode": "1F44B", "label": "waving hand", "tags": ["hi"], "group": 1, "subgroup": 16, "skins": skins}
    undrawn = {"hexcode": "1F9E0", "label": "brain"}
    names = archive(
        {
            "en/data.json": [hand, undrawn],
            "ko/data.json": [{**hand, "label": "흔드는 손", "tags": ["안녕"]}],
            "meta/groups.json": {"groups": {"1": "people-body"}, "subgroups": {"16": "hand-fingers-open"}},
        }
    )
    noto, fluent, _, _, solid = sprite_sources(share_alike=False)
    body = {"body": "<path d='M0 0h9v9z'/>"}
    marks = {"waving-hand": body, "pickle-light-skin-tone": body, "old-mark": {**body, "hidden": True}}
    icons = {"width": 16, "height": 16, "icons": marks}
    toned = {**icons, "icons": {"waving-hand-dark": body}}
    built = collect(
        names,
        {
            noto: archive({"chars.json": {"1f44b": "waving-hand"}, "icons.json": icons}),
            fluent: archive({"chars.json": {}, "icons.json": toned}),
            solid: archive({"assets/1f44b-1f3fb.webp": b"RIFF", "README.md": b""}),
        },
    )
    assert [(concept.label_en, concept.label_ko) for concept in built.concepts] == [
        ("waving hand", "흔드는 손"),
        ("pickle", ""),
    ]
    assert [(glyph.concept, glyph.style, glyph.tone) for glyph in built.glyphs] == [
        (0, "noto", ()),
        (1, "noto", (1,)),
        (0, "fluent", (5,)),
        (0, "3d", (1,)),
    ]
    assert [source.count for source in built.sources] == [2, 1, 1]
    assert built.glyphs[3] == Glyph(0, "3d", (1,), b"RIFF")


def test_share_alike_sets_come_only_when_asked_for() -> None:
    assert [source.style for source in sprite_sources(share_alike=False)] == ["noto", "fluent", "flat", "twemoji", "3d"]
    assert sprite_sources(share_alike=True)[-1].licence == "CC-BY-SA-4.0"


def test_without_npm_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"npm is not installed; install Node\.js"):
        fetch(Package("some-package", "1.0.0", ""), tmp_path / "downloads")


def test_the_data_home_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGMENT_DATA", str(tmp_path))
    assert data_home() == tmp_path
    monkeypatch.delenv("FIGMENT_DATA")
    assert data_home() == Path.home() / ".local" / "share" / "figment"
