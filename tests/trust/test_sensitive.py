"""The check for sexual content: the network says what its first runtime says, and a clip is judged by its worst frame.

No sexual picture is used for it.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from figment.core.errors import InputError
from figment.core.task import Progress, finish
from figment.pixels.clips import frames
from figment.trust import open_nsfw
from figment.trust.sensitive import LIMIT, SAMPLES, Finding, SensitiveError, checked, sampled

MEDIA = Path(__file__).parents[2] / ".." / "shared" / "media"
GOLDEN = {
    "astronaut": 0.031702,
    "chelsea": 0.000149,
    "coffee": 0.012950,
    "rocket": 0.000463,
    "retina": 0.176107,
}
"""What onnxruntime says of the photographs; printed by scripts/convert_sensitive.py."""


@pytest.mark.parametrize("name", GOLDEN)
def test_the_network_says_what_its_first_runtime_says(name: str) -> None:
    photograph = getattr(data, name)()
    assert open_nsfw.scores([photograph])[0] == pytest.approx(GOLDEN[name], rel=0.02, abs=2e-5)


def test_pictures_are_judged_one_by_one_however_many_there_are() -> None:
    some = [data.astronaut(), data.coffee(), data.chelsea()] * 3
    together = open_nsfw.scores(some)
    np.testing.assert_allclose(together, [open_nsfw.scores([one])[0] for one in some], rtol=1e-4)
    assert open_nsfw.scores([]).shape == (0,)


def test_frames_are_spread_over_the_clip_from_its_first_to_its_last() -> None:
    assert sampled(1) == (0,)
    assert sampled(5) == (0, 1, 2, 3, 4)
    many = sampled(1000)
    assert (len(many), many[0], many[-1]) == (SAMPLES, 0, 999)
    assert set(np.diff(many)) <= {32, 33}


def clip(count: int, bright: int) -> Iterator[NDArray[np.uint8]]:
    """Frames of 8x8 that are looked at in a clip of `count`: number `bright` is white and all others black."""
    return (np.full((8, 8, 3), 255 * (number == bright), np.uint8) for number in sampled(count))


def test_a_harmless_clip_passes_and_says_how_many_frames_were_seen() -> None:
    reports: list[Progress] = []
    finding = finish(checked(iter([data.coffee()] * 40), 40), reports.append)
    assert not finding.sexual
    finding.require_harmless("data_src.mp4")
    assert finding.sentence("data_src.mp4").startswith("32 of 40 frames of data_src.mp4 were looked at: no sexual")
    assert "No filter is perfect" in finding.sentence("data_src.mp4")
    assert (reports[-1].step, reports[-1].total) == (SAMPLES, SAMPLES)


def test_one_frame_suffices_to_refuse_a_clip() -> None:
    scores = {0: 0.01, 10: LIMIT, 20: 0.02}
    finding = Finding(scores, 21)
    assert (finding.sexual, finding.worst) == (True, 10)
    with pytest.raises(SensitiveError, match=r"3 of 21 frames of data_dst.mp4 .* score is 0.50, of frame 10"):
        finding.require_harmless("data_dst.mp4")
    assert not Finding({**scores, 10: LIMIT - 0.01}, 21).sexual


def test_scores_belong_to_the_frames_that_they_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_nsfw, "scores", lambda pictures: [one.mean() / 255 for one in pictures])
    finding = finish(checked(clip(100, bright=99), 100))
    assert (finding.worst, finding.scores[99], finding.scores[0]) == (99, 1.0, 0.0)


def test_a_clip_shorter_than_said_and_one_without_frames_are_refused() -> None:
    with pytest.raises(InputError, match="without frames"):
        finish(checked(iter([]), 0))
    with pytest.raises(InputError, match="has fewer"):
        finish(checked(iter([data.coffee()]), 2))


@pytest.mark.skipif(not MEDIA.is_dir(), reason="the clips of ../shared/media are not there")
@pytest.mark.parametrize("name", ["actor_a.mp4", "actor_b.mp4"])
def test_people_who_talk_raise_no_alarm(name: str) -> None:
    assert max(open_nsfw.scores([next(frames(MEDIA / name))])) < 0.2
