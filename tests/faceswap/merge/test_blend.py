"""Faces put into frames: every mode, mask and setting, by what it does to the pixels."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut

from figment.core.config import from_dict
from figment.faceswap.merge import Colour, MaskMode, MergeSettings, Mode, Sharpen, Swapped, merged
from figment.faceswap.merge.blend import doubled
from figment.faceswap.merge.warp import Pixels, inverse, sampled

FRAME: NDArray[np.uint8] = np.ascontiguousarray(astronaut()[:240, 100:380])
SIDE = 64
TURN: Pixels = np.array([[0.5, 0.05, -38], [-0.05, 0.5, -9]], np.float32)
"""From the frame to the square, which is twice as large in the frame, and turned."""


def swapped(matrix: Pixels = TURN) -> Swapped:
    """The face below, redder, with a disc as the mask."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    mask = (24 - np.hypot(x, y)).clip(0, 1).astype(np.float32)
    face = sampled(FRAME.astype(np.float32) / np.float32(255), inverse(matrix), (SIDE, SIDE))
    ring = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    landmarks = (SIDE - 1) / 2 + 15 * np.stack([np.cos(ring), np.sin(ring)], 1)
    red = (face * np.array([0.6, 0.35, 0.35]) + np.array([0.3, 0.05, 0])).astype(np.float32)
    return Swapped(matrix, landmarks.astype(np.float32), red, mask, mask)


FACE = swapped()
PLAIN = MergeSettings(colour=Colour.NONE)


def change(settings: MergeSettings, face: Swapped = FACE) -> NDArray[np.float64]:
    """(H, W): by how much a pixel of the merged frame differs from the frame."""
    differences = np.abs(merged(FRAME, [face], settings).frame.astype(np.float64) - FRAME)
    return np.asarray(differences.mean(2))


def test_frames_without_a_face_and_originals_are_copied() -> None:
    for result in (merged(FRAME, [], MergeSettings()), merged(FRAME, [FACE], MergeSettings(mode=Mode.ORIGINAL))):
        assert np.array_equal(result.frame, FRAME)
        assert result.mask.max() == 0


def test_overlay_shows_the_face_under_the_mask_and_the_frame_elsewhere() -> None:
    result = merged(FRAME, [FACE], PLAIN)
    assert np.array_equal(result.frame[result.mask == 0], FRAME[result.mask == 0])
    drawn = sampled(FACE.rgb, TURN, FRAME.shape[:2], sharp=True).clip(0, 1) * 255
    full = result.mask == 255
    assert (result.mask > 127).sum() == pytest.approx(np.pi * 23.5**2 / np.linalg.det(TURN[:, :2]), rel=0.02)
    assert np.abs(result.frame[full] - drawn[full]).max() <= 1


def test_the_frame_itself_put_back_changes_nothing_to_see() -> None:
    shift: Pixels = np.array([[1, 0, -80], [0, 1, -30]], np.float32)
    face = swapped(shift)
    own = replace(face, rgb=sampled(FRAME.astype(np.float32) / np.float32(255), inverse(shift), (SIDE, SIDE)))
    for mode in (Mode.OVERLAY, Mode.HIST_MATCH, Mode.SEAMLESS, Mode.SEAMLESS_HIST_MATCH, Mode.RAW_RGB):
        assert change(MergeSettings(mode=mode), own).max() <= 2, mode


@pytest.mark.parametrize("colour", [colour for colour in Colour if colour is not Colour.NONE])
def test_colour_transfers_bring_the_face_nearer_to_the_frame(colour: Colour) -> None:
    assert change(MergeSettings(colour=colour)).sum() < 0.4 * change(PLAIN).sum()


@pytest.mark.parametrize("mode", [Mode.HIST_MATCH, Mode.SEAMLESS, Mode.SEAMLESS_HIST_MATCH])
@pytest.mark.parametrize("masked", [True, False])
def test_matching_modes_bring_the_face_nearer_to_the_frame(mode: Mode, masked: bool) -> None:
    settings = replace(PLAIN, mode=mode, masked_histogram=masked)
    assert change(settings).sum() < (0.8 if masked else 1) * change(PLAIN).sum()


def test_seamless_leaves_no_seam() -> None:
    solid = replace(FACE, predicted=(FACE.predicted > 0.5).astype(np.float32), target=np.ones_like(FACE.target))
    rim = np.zeros(FRAME.shape[:2], np.bool_)
    mask = merged(FRAME, [solid], PLAIN).mask > 128
    rim[1:-1, 1:-1] = mask[1:-1, 1:-1] & ~(mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:])
    assert change(replace(PLAIN, mode=Mode.SEAMLESS), solid)[rim].mean() < 0.4 * change(PLAIN, solid)[rim].mean()


def test_raw_modes_show_what_was_drawn() -> None:
    raw = merged(FRAME, [FACE], MergeSettings(mode=Mode.RAW_RGB))
    assert raw.mask[180, 130] == 0
    assert (raw.mask == 255).sum() == pytest.approx((SIDE - 2) ** 2 / np.linalg.det(TURN[:, :2]), rel=0.05)
    predicted = merged(FRAME, [FACE], MergeSettings(mode=Mode.RAW_PREDICT)).frame
    assert predicted.shape == FRAME.shape
    assert predicted[:, :20].max() == predicted[:, -20:].max() == 0
    assert np.abs(predicted[:, 20:-20].mean((0, 1)) / 255 - FACE.rgb.mean((0, 1))).max() < 0.01


@pytest.mark.parametrize("mask", MaskMode)
def test_every_mask_mode_is_put_into_the_frame(mask: MaskMode) -> None:
    halves = replace(FACE, predicted=FACE.predicted * np.float32(0.5), target=FACE.target * np.float32(0.4))
    result = merged(FRAME, [halves], replace(PLAIN, mask=mask)).mask
    wanted = {"learned-prd": 0.5, "learned-dst": 0.4, "learned-prd*learned-dst": 0.2, "learned-prd+learned-dst": 0.9}
    assert result.max() == pytest.approx(255 * wanted.get(mask, 1), abs=1)


@pytest.mark.parametrize(("field", "more"), [("erode", -150), ("blur", 300), ("face_scale", 40)])
def test_the_face_reaches_further(field: str, more: int) -> None:
    before = merged(FRAME, [FACE], PLAIN).mask
    after = merged(FRAME, [FACE], from_dict(MergeSettings, {field: more})).mask
    assert (after > 0).sum() > 1.15 * (before > 0).sum()


def test_scale_is_a_percentage_of_the_side() -> None:
    areas = [float(merged(FRAME, [FACE], replace(PLAIN, face_scale=scale)).mask.sum()) for scale in (0, 20)]
    assert areas[1] / areas[0] == pytest.approx(1.2**2, rel=0.03)


@pytest.mark.parametrize(
    "settings",
    [
        replace(PLAIN, sharpen=Sharpen.GAUSS, sharpness=60),
        replace(PLAIN, super_resolution=100),
        replace(PLAIN, blur=100),
    ],
)
def test_the_frame_around_the_face_stays(settings: MergeSettings) -> None:
    result, plain = merged(FRAME, [FACE], settings), merged(FRAME, [FACE], PLAIN)
    assert np.array_equal(result.frame[result.mask == 0], FRAME[result.mask == 0])
    assert not np.array_equal(result.frame, plain.frame)


@pytest.mark.parametrize("settings", [replace(PLAIN, denoise=150), replace(PLAIN, bicubic_degrade=50)])
def test_degrading_leaves_the_face_as_it_is(settings: MergeSettings) -> None:
    result, plain = merged(FRAME, [FACE], settings), merged(FRAME, [FACE], PLAIN)
    assert np.array_equal(result.frame[result.mask == 255], plain.frame[result.mask == 255])
    assert not np.array_equal(result.frame[result.mask == 0], FRAME[result.mask == 0])


def test_colours_are_fewer_everywhere() -> None:
    frame = merged(FRAME, [FACE], replace(PLAIN, colour_degrade=100)).frame
    assert len(np.unique(frame.reshape(-1, 3), axis=0)) <= 256


def test_motion_blurs_a_single_face_along_its_way() -> None:
    settings = replace(PLAIN, motion_blur=100)
    still, moving = (merged(FRAME, [FACE], settings, way).frame.astype(int) for way in ((0, 0), (24, 0)))
    full = merged(FRAME, [FACE], PLAIN).mask == 255
    across, down = (np.abs(np.diff(moving, axis=axis, append=0))[full].mean() for axis in (1, 0))
    assert across < 0.5 * np.abs(np.diff(still, axis=1, append=0))[full].mean()
    assert across < down
    two = [FACE, swapped(TURN + np.array([[0, 0, 30], [0, 0, 0]], np.float32))]
    assert np.array_equal(merged(FRAME, two, settings, (24, 0)).frame, merged(FRAME, two, PLAIN).frame)


def test_an_enlarger_gives_the_detail() -> None:
    def white(face: Pixels) -> Pixels:
        return np.ones((4 * len(face), 4 * len(face), 3), np.float32)

    settings = replace(PLAIN, super_resolution=100)
    result = merged(FRAME, [FACE], settings, enlarge=white)
    assert (result.frame[result.mask == 255] == 255).all()
    large = doubled(FACE.rgb)
    assert large.shape == (2 * SIDE, 2 * SIDE, 3)
    assert np.abs(large.reshape(SIDE, 2, SIDE, 2, 3).mean((1, 3)) - FACE.rgb).mean() < 0.01


@pytest.mark.parametrize("mode", [Mode.OVERLAY, Mode.HIST_MATCH, Mode.SEAMLESS, Mode.SEAMLESS_HIST_MATCH, Mode.RAW_RGB])
@pytest.mark.parametrize("across", [20.0, 400.0, -30.0])
def test_faces_may_lie_partly_or_wholly_outside(mode: Mode, across: float) -> None:
    matrix: Pixels = np.array([[0.5, 0, across], [0, 0.5, 20]], np.float32)
    result = merged(FRAME, [swapped(matrix)], MergeSettings(mode=mode))
    assert result.frame.shape == FRAME.shape
    assert np.array_equal(result.frame[result.mask == 0], FRAME[result.mask == 0])
    assert (result.mask.max() == 0) == (across == 400)


def test_the_frame_given_is_not_written_to() -> None:
    before = FRAME.copy()
    merged(FRAME, [FACE, FACE], MergeSettings(mode=Mode.SEAMLESS))
    assert np.array_equal(FRAME, before)
