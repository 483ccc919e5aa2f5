"""Faces turned and bent for training."""

import numpy as np
import pytest
import torch

from figment.faceswap.warp import BEND, SCALE, SHIFT, TURN, bend, cut, placed


def test_places_stay_within_their_ranges() -> None:
    places = np.stack([placed(np.random.default_rng(seed)) for seed in range(500)])
    scale = 1 / np.hypot(places[:, 0, 0], places[:, 1, 0])
    turn = np.degrees(np.arctan2(places[:, 1, 0], places[:, 0, 0]))
    assert SCALE[0] <= scale.min() < SCALE[0] + 0.005
    assert SCALE[1] - 0.005 < scale.max() <= SCALE[1] + 1e-6
    assert TURN - 0.5 < abs(turn).max() <= TURN
    assert 2 * SHIFT - 0.005 < abs(places[:, :, 2]).max() <= 2 * SHIFT


def test_a_fifth_of_the_strength_is_a_fifth_of_the_way() -> None:
    for seed in range(20):
        whole, part, none = (placed(np.random.default_rng(seed), s) for s in (1.0, 0.2, 0.0))
        assert np.array_equal(none, np.eye(2, 3))
        assert part[:, 2] == pytest.approx(0.2 * whole[:, 2], abs=1e-6)
        turns = [np.arctan2(place[1, 0], place[0, 0]) for place in (whole, part)]
        scales = [1 / np.hypot(place[0, 0], place[1, 0]) - 1 for place in (whole, part)]
        assert turns[1] == pytest.approx(0.2 * turns[0], abs=1e-6)
        assert scales[1] == pytest.approx(0.2 * scales[0], abs=1e-6)


def test_a_bend_leaves_the_edge_and_moves_nodes_by_a_quarter_of_a_cell_at_most() -> None:
    bends = torch.stack([bend(np.random.default_rng(seed), 96) for seed in range(200)])
    for edge in (bends[:, 0], bends[:, -1], bends[:, :, 0], bends[:, :, -1]):
        assert edge.abs().max() < 1e-6
    in_pixels = bends.abs().max() * 48
    assert 6 < in_pixels <= BEND * 48 * 1.3  # a bicubic surface goes a little beyond its nodes


def test_an_unbent_place_of_nothing_is_the_picture() -> None:
    planes = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    same = torch.eye(2, 3)[None]
    assert torch.allclose(cut(planes, same, None, 32), planes, atol=1e-5)
    assert torch.allclose(cut(planes, same, torch.zeros(1, 32, 32, 2), 32), planes, atol=1e-5)


def test_a_bend_moves_what_is_shown_by_as_many_pixels() -> None:
    x = torch.arange(32.0).expand(1, 1, 32, 32)
    shown = cut(x, torch.eye(2, 3)[None], torch.full((1, 32, 32, 2), 2 * 3 / 32), 32)
    assert shown[0, 0, 16, 10].item() == pytest.approx(13, abs=1e-4)


def test_the_same_seed_bends_alike() -> None:
    one, again, other = (bend(np.random.default_rng(seed), 32) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
