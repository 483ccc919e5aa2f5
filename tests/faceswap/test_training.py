"""Training a swap: what it makes, and that nothing stops it for good."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.faceswap.made_faces import POINTS, SIZE, face
from tests.faceswap.made_swap import RECIPE, SMALL, drawn, training, workspace

from figment.core.errors import TrainingError
from figment.core.task import finish
from figment.faceswap.descent import EvenAdamW, SparseRMSprop, even
from figment.faceswap.model import SwapModel
from figment.faceswap.outlook import steps_to
from figment.faceswap.training import Training, train
from figment.faceswap.training_recipes import PRESETS, SwapSettings
from figment.faceswap.workspace import Step


def weights(done: Training) -> bytes:
    return done.weights.read_bytes().partition(b"}}")[2]


def test_green_faces_become_red_ones(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    settings = {"iterations": 120, "batch": 4}
    done = training(made, replace(RECIPE, rate=3e-3, average=0.9), **settings)
    reports: list[float] = []
    finish(done.run(), lambda report: reports.append(report.metrics.get("dst loss", np.nan)))
    assert reports[-1] < 0.6 * reports[20]
    model = SwapModel.load(done.weights)
    shown = (done.kept[1].face.permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)
    rgb, predicted, target = model.swap(shown)
    middle = rgb[0, 12:20, 12:20].mean((0, 1))
    assert middle[0] > 1.5 * middle[1]
    assert all(mask[0, 16, 16] > 1.5 * mask[0, 0, 0] for mask in (predicted, target))
    assert {"log.jsonl", "figment-curve.png"} <= {p.name for p in done.folder.iterdir()}


def test_the_workspace_knows_how_far_its_training_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "figment", RECIPE)
    made = workspace(tmp_path)
    task = train(made, SwapSettings(iterations=3, batch=2))
    next(task)
    assert made.state(Step.TRAIN).state == "begun"
    task.close()
    stopped = made.state(Step.TRAIN)
    assert (stopped.state, stopped.figures["step"]) == ("begun", 1)
    path = finish(train(made, SwapSettings(iterations=3, batch=2)))
    state = made.state(Step.TRAIN)
    assert state.state == "done"
    assert state.figures["step"] == 3
    assert 0 < state.figures["likeness"] < 1
    assert path == made.model / "figment.safetensors"


@pytest.mark.parametrize("recipe", [replace(RECIPE, low=True), replace(PRESETS["quick96"], shape=SMALL)])
def test_a_training_that_was_stopped_ends_with_the_same_bytes(tmp_path: Path, recipe: object) -> None:
    whole = training(workspace(tmp_path / "a"), recipe, precision="bf16")  # type: ignore[arg-type]
    finish(whole.run())
    made = workspace(tmp_path / "b")
    task = training(made, recipe, precision="bf16").run()  # type: ignore[arg-type]
    for _ in range(11):
        next(task)
    task.close()
    again = training(made, recipe, precision="bf16")  # type: ignore[arg-type]
    assert again.step == 11
    finish(again.run())
    one, other = (SwapModel.load(done.weights).digest for done in (whole, again))
    assert one == other


def test_a_breakdown_is_undone_and_the_rate_halved(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    first = training(made, iterations=10)
    finish(first.run())
    done = training(made, iterations=40)
    task = done.run()
    next(task)
    with torch.no_grad():
        done.network.inter.dense1.weight.fill_(float("nan"))
    warnings = {report.warning for report in task}
    assert any("goes on from step 10 at half the rate" in warning for warning in warnings)
    assert done.slowed == 0.5
    assert done.step == 40
    assert all(tensor.isfinite().all() for tensor in done.tensors.values())


def test_it_gives_up_when_nothing_helps(tmp_path: Path) -> None:
    done = training(workspace(tmp_path), replace(RECIPE, rate=float("inf")), iterations=1000)
    with pytest.raises(TrainingError, match="again and again"):
        finish(done.run())
    assert not done.weights.exists()


def test_a_step_in_parts_is_the_same_step(tmp_path: Path) -> None:
    """Where memory runs out, the gradient is summed over parts of the batch."""
    plain, short = (training(workspace(tmp_path / name), batch=4) for name in ("a", "b"))
    descend = short._descend

    def small(examples: list[object]) -> object:
        if short.parts < 2:
            raise torch.OutOfMemoryError("out of memory")
        return descend(examples)  # type: ignore[arg-type]

    short._descend = small  # type: ignore[method-assign, assignment]
    one, other = plain._advance(), short._advance()
    assert short.parts == 2
    assert "2 parts" in short.warning
    assert float(one["src loss"]) == pytest.approx(float(other["src loss"]), rel=1e-3)
    grown = [(a.grad, b.grad) for a, b in zip(plain.tensors.values(), short.tensors.values(), strict=True)]
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in grown if a is not None and b is not None)


def test_memory_for_one_face_is_the_least(tmp_path: Path) -> None:
    done = training(workspace(tmp_path), batch=3)
    done._halve(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert done.parts == 3
    with pytest.raises(TrainingError, match="single face"):
        done._halve(torch.OutOfMemoryError())
    with pytest.raises(RuntimeError, match="shape"):
        done._halve(RuntimeError("shape mismatch"))


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_it_saves_when_the_system_ends_it(tmp_path: Path, number: signal.Signals, raised: type[BaseException]) -> None:
    made = workspace(tmp_path)
    before = signal.getsignal(number)
    task = training(made, iterations=1000).run()
    for _ in range(5):
        next(task)
    os.kill(os.getpid(), number)
    with pytest.raises(raised):
        for _ in task:
            pass
    assert training(made, iterations=1000).step >= 5
    assert signal.getsignal(number) == before


def test_the_last_states_are_kept_and_damaged_ones_passed_over(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    for steps in (3, 6, 9):
        finish(training(made, iterations=steps).run())
    states = sorted(path.name for path in made.model.glob("*.state"))
    assert states == ["figment-00000006.state", "figment-00000009.state"]
    newest = made.model / states[1]
    newest.write_bytes(newest.read_bytes()[:1000])
    assert training(made).step == 6
    for path in made.model.glob("*.state"):
        path.write_bytes(b"")
    with pytest.raises(TrainingError, match="No state"):
        training(made)


def test_a_network_of_another_shape_is_refused(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    finish(training(made, iterations=1).run())
    with pytest.raises(TrainingError, match="another shape"):
        training(made, replace(RECIPE, shape=replace(SMALL, inner=16)))


def test_every_third_batch_of_quick96_is_the_one_before_unbent(tmp_path: Path) -> None:
    done = training(workspace(tmp_path), replace(PRESETS["quick96"], shape=SMALL))
    batches = []
    for step in range(4):
        done.step = step
        batches.append(done._batch(0))
    assert torch.equal(batches[2].face, batches[1].face)
    assert torch.equal(batches[2].shown, batches[2].face)
    assert not torch.equal(batches[1].shown, batches[1].face)
    assert not torch.equal(batches[3].face, batches[2].face)


def test_bends_fade_towards_the_end(tmp_path: Path) -> None:
    done = training(workspace(tmp_path), iterations=100)
    apart = []
    for step in (50, 99):
        done.step = step
        batch = done._batch(0)
        apart.append(float((batch.shown - batch.face).abs().mean()))
    assert apart[1] < 0.3 * apart[0]


def test_faces_are_hardly_turned_where_quick96_turns_them(tmp_path: Path) -> None:
    apart = []
    for preset in ("quick96", "figment"):
        recipe = replace(PRESETS[preset], shape=SMALL)
        done = training(workspace(tmp_path / preset, 3), recipe, iterations=100, batch=8)
        face = done._batch(0).face[:, None]
        apart.append(float((face - done.faces[0].plain().face).abs().mean((2, 3, 4)).amin(1).mean()))
    assert 0 < apart[1] < 0.4 * apart[0]


@pytest.mark.parametrize(
    ("preset", "follow", "iterations", "begins"),
    [
        ("figment", None, 1000, 900),
        ("figment", 0.1, 100_000, 99_600),
        ("figment", 0.0, 1000, 1000),
        ("figment", None, 9, 9),
        ("quick96", None, 1000, 1000),
        ("quick96", 2.0, 1000, 900),
    ],
)
def test_a_swap_learns_to_follow_at_the_end_of_a_run(
    tmp_path: Path, preset: str, follow: float | None, iterations: int, begins: int
) -> None:
    recipe = replace(PRESETS[preset], shape=SMALL)
    done = training(workspace(tmp_path), recipe, iterations=iterations, follow=follow)
    asked = [0, begins - 1, begins, iterations - 1, iterations]
    found = []
    for step in asked:
        done.step = step
        found.append(done._follows)
    assert found == [begins <= step < iterations for step in asked]


def test_the_rate_falls_twice(tmp_path: Path) -> None:
    """To almost nothing before the swap learns to follow, and from three fifths of the peak while it does."""
    done = training(workspace(tmp_path), iterations=1000)
    rates = []
    for step in (100, 899, 900, 950, 999):
        done.step = step
        rates.append(done._rate())
    assert rates == pytest.approx([0.97, 0.02, 0.6, 0.306, 0.012], abs=0.001)
    plain = training(workspace(tmp_path / "plain"), iterations=1000, follow=0.0)
    plain.step = 950
    assert plain._rate() == pytest.approx(0.026, abs=0.001)


def test_the_average_is_of_weights_that_follow(tmp_path: Path) -> None:
    """What was learnt before does not weigh on it."""
    done = training(workspace(tmp_path), iterations=1000)
    done.step = 911
    with torch.no_grad():
        for weight in done.tensors.values():
            weight.fill_(1.0)
        for tensor in done.average.tensors.values():
            tensor.zero_()
    done._advance()
    assert done.step == 912
    assert all(tensor.mean() > 0.9 for tensor in done.average.tensors.values())


def test_the_swap_learns_to_follow_in_the_end(tmp_path: Path) -> None:
    """What it teaches is the encoder, not the decoders."""
    made = workspace(tmp_path)
    grown = []
    for follow in (1e-6, 3.0):
        done = training(made, replace(RECIPE, schedule=False, taper=0.0), iterations=20, follow=follow)
        done.step = 16
        losses = []
        for _ in range(4):
            losses.append(done._advance())
            if done.step == 19:
                grown.append(
                    {name: weight.grad.clone() for name, weight in done.tensors.items() if weight.grad is not None}
                )
        assert ["follow loss" in one for one in losses] == [False, False, True, True]
    assert losses[-1]["follow loss"] > 0
    same = {name: torch.equal(grown[0][name], grown[1][name]) for name in grown[0]}
    assert all(same[name] == name.startswith("decoder") for name in same)


def test_rare_openings_and_even_directions_both_count_in_the_end(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    plain, even = (training(made, iterations=1000, even=each) for each in (False, True))
    assert plain._shares(0) is None
    assert even._shares(0) is even.faces[0].even
    for one in (plain, even):
        one.step = 950
    both, rare = even._shares(0), plain._shares(0)
    assert both is not None
    assert rare is not None
    assert both.sum() == pytest.approx(1)
    times = both / (rare * even.faces[0].even)
    np.testing.assert_allclose(times, times[0])


def test_eyes_and_mouth_weigh_what_the_settings_say(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    plain, more, much = (training(made, eyes=eyes)._advance() for eyes in (0.0, 2.0, 4.0))
    for side, loss in plain.items():
        assert float(more[side] - loss) > 0.005
        assert float(much[side] - loss) == pytest.approx(2 * float(more[side] - loss), rel=1e-3)


def test_a_direction_seen_once_is_shown_as_often_where_that_is_asked_for(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    points = POINTS * SIZE
    aside = points.copy()
    aside[27:36, 0] += 8  # the nose of a face that looks to the right
    made.src.faceset.add(face("00000_1.png", frame=0, index=1, landmarks=aside), drawn((60, 60, 220), 0))

    def blue(even: bool) -> float:
        sitting = training(made, even=even)
        faces, shares = sitting.faces[0], sitting.faces[0].even if even else None
        shown = torch.cat([faces.batch(n, 4, (0, 0), shares, turned=1, bent=0).face for n in range(50)])
        first = faces.batch(0, 2, (0, 0), shares, turned=sitting.recipe.turned, bent=1)
        assert torch.equal(sitting._batch(0).face, first.face)
        return float((shown[:, 2, 16, 16] > shown[:, 0, 16, 16]).float().mean())

    assert blue(False) < 0.15
    assert 0.35 < blue(True) < 0.65


def test_three_weights_of_ten_move() -> None:
    """In the first step each that moves does so by rate / sqrt(1 - decay)."""
    weight = torch.nn.Parameter(torch.zeros(10_000))
    weight.grad = torch.full((10_000,), -7.0)
    torch.manual_seed(0)
    SparseRMSprop([weight], lr=0.1).step()
    moved = weight.detach() != 0
    assert float(moved.float().mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.allclose(weight.detach()[moved], torch.tensor(0.1 / 0.1**0.5), atol=1e-5)


@pytest.mark.parametrize("shape", [(12, 40), (40, 12)])
def test_all_singular_values_become_about_1(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    left, values, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    made = even(left @ torch.diag(values[0] * torch.logspace(0, -2, 12)) @ right)
    levels = torch.linalg.svdvals(made)
    assert 0.6 < levels.min() <= levels.max() < 1.25
    along = left.T @ made @ right.T
    assert torch.allclose(along, along.diagonal().diag(), atol=1e-3)


def test_nothing_stays_nothing() -> None:
    assert torch.equal(even(torch.zeros(3, 5)), torch.zeros(3, 5))


def test_matrices_move_as_far_along_each_direction_and_others_by_adamw() -> None:
    matrix, other, alone = (torch.nn.Parameter(torch.zeros(size)) for size in ((4, 9), (5,), (5,)))
    one, two = EvenAdamW([matrix], [other], 0.1), torch.optim.AdamW([alone], 0.1, betas=(0.9, 0.99))
    for _ in range(3):
        matrix.grad = torch.diag(torch.tensor([1.0, 0.5, 0.1, 0.05])) @ torch.eye(4, 9)
        other.grad = torch.arange(-2.0, 3.0)
        alone.grad = other.grad.clone()
        one.step()
        two.step()
    moved = torch.linalg.svdvals(matrix.detach()) / (3 * 0.1 * 0.2 * 9**0.5)
    assert moved.shape == (4,)
    assert 0.6 < moved.min() <= moved.max() < 1.25
    assert torch.allclose(other, alone)


def test_a_training_begun_by_another_optimiser_goes_on(tmp_path: Path) -> None:
    """With its weights; momentum begins anew, which is said."""
    before = training(workspace(tmp_path), RECIPE, iterations=2)
    finish(before.run())
    state = before.states.newest()
    assert state is not None
    old = torch.optim.AdamW(before.network.parameters(), 1e-3, fused=True).state_dict()
    before.states.save(replace(state, optimizer=old))
    after = training(workspace(tmp_path), RECIPE, iterations=4)
    assert after.step == 2
    assert "momentum" in after.warning
    finish(after.run())
    assert after.step == 4


def test_the_time_left_follows_a_power_of_the_steps() -> None:
    course = [(step, 1 - 2 * step**-0.5) for step in (100, 200, 400, 800)]
    assert steps_to(course, 0.98) == pytest.approx(10_000, rel=1e-6)
    assert np.isnan(steps_to(course[:2], 0.98))
    assert np.isinf(steps_to([(1, 0.5), (2, 0.4), (3, 0.3)], 0.9))
