"""What the contract does not say of latent diffusion: guidance, start pictures, masks, sizes, vocabulary."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from figment.core.dataset import Batch
from figment.core.errors import DataError, InputError
from figment.core.model import SampleRequest
from figment.core.task import finish
from figment.families.latent_diffusion import TINY, Model
from figment.nn.shared_calls import SharedCalls


@pytest.fixture(scope="module")
def model() -> Model:
    """A tiny model whose zero-initialised layers have been stirred, so that prompts and times matter."""
    torch.manual_seed(0)
    made = Model(TINY)
    with torch.no_grad():
        for parameter in made.transformer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return made.eval()


def sampled(model: Model, request: SampleRequest, seed: int = 1) -> Tensor:
    return finish(model.sample(request, torch.Generator().manual_seed(seed)))


def picture() -> Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(5)) * 2 - 1


def test_the_prompt_the_negative_prompt_and_the_guidance_scale_all_matter(model: Model) -> None:
    plain = SampleRequest(prompts=("a red apple",), steps=3)
    others = [
        replace(plain, prompts=("고양이",)),
        replace(plain, negative="blue"),
        replace(plain, guidance=1.0),
    ]
    base = sampled(model, plain)
    assert all(not torch.equal(base, sampled(model, other)) for other in others)


def test_the_empty_prompt_is_the_unconditional_side_of_guidance(model: Model) -> None:
    """Guided away from nothing towards nothing, every guidance scale gives the same picture."""
    empty = SampleRequest(prompts=("",), steps=3, guidance=1.0)
    assert torch.allclose(sampled(model, empty), sampled(model, replace(empty, guidance=7.0)), atol=1e-4)


def test_every_picture_of_a_batch_follows_its_own_caption(model: Model) -> None:
    both = sampled(model, SampleRequest(2, prompts=("a cat", "a dog"), steps=3))
    swapped = sampled(model, SampleRequest(2, prompts=("a dog", "a dog"), steps=3))
    assert not torch.equal(both[0], swapped[0])
    assert torch.allclose(both[1], swapped[1], atol=1e-5)


def test_outside_the_mask_the_picture_stays_to_the_last_bit(model: Model) -> None:
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :16] = 1
    made = sampled(model, SampleRequest(prompts=("a cat",), steps=3, init=picture(), mask=mask, strength=1.0))
    assert torch.equal(made[..., 16:], picture()[..., 16:])
    assert not torch.equal(made[..., :16], picture()[..., :16])


def test_strength_leads_from_the_reconstruction_away(model: Model) -> None:
    kept = model.decode(model.encode(picture()))
    distances = [
        float((sampled(model, SampleRequest(steps=4, init=picture(), strength=strength)) - kept).abs().mean())
        for strength in (0.0, 0.3, 1.0)
    ]
    assert distances[0] < 1e-5
    assert distances == sorted(distances)


def test_other_sizes_than_the_trained_one(model: Model) -> None:
    assert sampled(model, SampleRequest(steps=2, height=16, width=48)).shape == (1, 3, 16, 48)


@pytest.mark.parametrize("side", [8, 30, 128])
def test_sizes_that_cannot_be_are_refused(model: Model, side: int) -> None:
    with pytest.raises(InputError, match="multiples of 16"):
        sampled(model, SampleRequest(steps=2, height=side))


def test_a_preview_comes_with_every_step_when_asked_for(model: Model) -> None:
    task = model.sample(SampleRequest(steps=3, preview=True), torch.Generator().manual_seed(0))
    previews = [report.preview for report in task]
    assert [preview is not None and preview.shape for preview in previews] == [(32, 32, 3)] * 3


def test_data_without_captions_is_refused_with_a_sentence(model: Model) -> None:
    with pytest.raises(DataError, match="captions"):
        list(model.losses(Batch(torch.zeros(2, 3, 32, 32)), "flow"))


def test_weights_of_another_vocabulary_are_refused() -> None:
    with pytest.raises(InputError, match="vocabulary"):
        Model(replace(TINY, vocabulary="0123456789ab"))


def test_requests_that_share_their_calls_get_the_pictures_that_they_get_alone(model: Model) -> None:
    said = ("a red apple", "고양이", "two cats and a dog on a hill", "")
    asked = [
        SampleRequest(prompts=(prompt,), guidance=2.0 * number + 1, steps=5 - number, count=1 + number % 2)
        for number, prompt in enumerate(said)
    ]
    asked.append(replace(asked[0], init=picture(), strength=0.5))
    alone = [sampled(model, request, seed) for seed, request in enumerate(asked)]
    model.shared = SharedCalls(most_rows=16)
    try:
        with ThreadPoolExecutor(len(asked)) as pool:
            together = list(pool.map(lambda pair: sampled(model, pair[1], pair[0]), enumerate(asked)))
    finally:
        model.shared = None
    for one, other in zip(alone, together, strict=True):
        assert float((one - other).abs().max()) < 1e-3
