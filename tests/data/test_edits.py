"""Edits: the scene after differs from the scene before in what the instruction says, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from figment.core.errors import DataError
from figment.data.edits import Edit, Kind, random_edit
from figment.data.scene import Placed, position, relation
from figment.data.scene_render import render
from figment.data.sprite_pack import SpritePack


@pytest.fixture(scope="module")
def edits(pack: SpritePack) -> list[Edit]:
    return [random_edit(pack, 1, number, size=48) for number in range(120)]


def of_kind(edits: list[Edit], kind: Kind) -> list[Edit]:
    found = [edit for edit in edits if edit.kind == kind]
    assert len(found) >= 5
    return found


def changed(edit: Edit) -> set[Placed]:
    return set(edit.before.objects) ^ set(edit.after.objects)


def test_pictures_change_only_where_changed_objects_are(pack: SpritePack, edits: list[Edit]) -> None:
    for edit in edits:
        before, after = (render(scene, pack, 48) for scene in (edit.before, edit.after))
        differs = (before.image != after.image).any(2)
        assert np.array_equal(edit.mask == 255, differs)
        assert differs.any()
        alone = [render(replace(edit.before, objects=(placed,)), pack, 48).masks[0] for placed in changed(edit)]
        assert not differs[np.maximum.reduce(alone) == 0].any()
        assert edit.before.ground == edit.after.ground


def test_additions_name_what_comes_and_where(edits: list[Edit]) -> None:
    places = {"left": "on the left of", "right": "on the right of", "above": "above", "below": "below"}
    for edit in of_kind(edits, "add"):
        (kept,) = edit.before.objects
        (new,) = changed(edit)
        assert places[relation(new, kept)] in edit.instruction_en
        assert edit.instruction_ko.endswith(("을 추가해 줘", "를 추가해 줘"))


def test_removals_leave_the_other_object(edits: list[Edit]) -> None:
    for edit in of_kind(edits, "remove"):
        assert len(edit.before.objects) == 2
        assert edit.after.objects == edit.before.objects[1:]


def test_replacements_stay_in_place(edits: list[Edit]) -> None:
    for edit in of_kind(edits, "replace"):
        (old,), (new,) = edit.before.objects, edit.after.objects
        assert (old.x, old.y, old.size) == (new.x, new.y, new.size)
        assert old.concept != new.concept


def test_moves_go_where_they_say_and_keep_the_object(edits: list[Edit]) -> None:
    for edit in of_kind(edits, "move"):
        (old,), (new,) = edit.before.objects, edit.after.objects
        assert replace(new, x=old.x, y=old.y) == old
        assert position(new) in edit.instruction_en
        assert min(new.x, new.y, 1 - new.x, 1 - new.y) >= new.size / 2 - 1e-9


def test_recolouring_names_the_new_colour(edits: list[Edit]) -> None:
    for edit in of_kind(edits, "recolour"):
        (old,), (new,) = edit.before.objects, edit.after.objects
        assert new.colour is not None
        assert new.colour != old.colour
        assert edit.instruction_en.endswith(f" {new.colour}")


def test_restyling_keeps_concept_and_skin_tone(pack: SpritePack, edits: list[Edit]) -> None:
    for edit in of_kind(edits, "restyle"):
        (old,), (new,) = edit.before.objects, edit.after.objects
        assert edit.before.style != edit.after.style == pack.sprites[new.sprite].style
        assert pack.sprites[old.sprite].tone == pack.sprites[new.sprite].tone
        assert old.concept == new.concept


def test_edits_keep_to_their_split(pack: SpritePack, edits: list[Edit]) -> None:
    shown = {pack.sprites[placed.sprite].held_out for e in edits for placed in (*e.before.objects, *e.after.objects)}
    assert shown == {False}


def test_the_same_number_is_the_same_edit(pack: SpritePack, edits: list[Edit]) -> None:
    again = random_edit(pack, 1, 7, size=48)
    assert (again.before, again.after, again.instruction_ko) == (
        edits[7].before,
        edits[7].after,
        edits[7].instruction_ko,
    )
    assert np.array_equal(again.mask, edits[7].mask)


def test_a_split_of_one_concept_has_nothing_to_add(pack: SpritePack, edits: list[Edit]) -> None:
    number = next(number for number, edit in enumerate(edits) if edit.kind == "add")  # kinds do not depend on the split
    with pytest.raises(DataError, match="allows no edit of the kind 'add'"):
        random_edit(pack, 1, number, held_out=True)
