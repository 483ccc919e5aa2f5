"""Prompts into hidden states, against the encoders of transformers and against sums done by hand."""

from collections.abc import Mapping

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from figment.core.errors import InputError
from figment.diffusion.conditions import conditions, guided
from figment.diffusion.kinds import Base, Kind, Part
from figment.diffusion.text import CHUNK, Text, chunks, counted
from figment.diffusion.tokens import COMMA, END, PAD, START, tokens

WIDTHS: Mapping[Part, int] = {"text": 64, "text_2": 128}
CAT = tokens("a cat")


def config(width: int, *, projected: bool = False) -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=width // 64,
        hidden_act="gelu" if projected else "quick_gelu",
        projection_dim=48,
        eos_token_id=END,
        bos_token_id=START,
    )


def text(base: Base = Base.SD1) -> Text:
    torch.manual_seed(0)
    kind = Kind(base, inpainting=False, prediction="noise", configs={}, depth=1 if base is Base.SD1 else 2)
    networks: dict[Part, torch.nn.Module] = {}
    if base is not Base.SDXL_REFINER:
        networks["text"] = CLIPTextModel(config(WIDTHS["text"], projected=base is Base.SD2))
    if base in (Base.SDXL, Base.SDXL_REFINER):
        networks["text_2"] = CLIPTextModelWithProjection(config(WIDTHS["text_2"], projected=True))
    return Text(kind, networks)


def filled(numbers: list[int], pad: int = END) -> torch.Tensor:
    return torch.tensor([[START, *numbers, END, *[pad] * (CHUNK - len(numbers))]])


def test_a_plain_prompt_is_what_the_encoder_says() -> None:
    made = text()
    with torch.no_grad():
        expected = made.encoders[0].network(filled(CAT)).last_hidden_state
    assert torch.equal(made.encode(["a cat"]).context, expected)


def test_clip_skip_takes_an_earlier_layer_and_norms_it() -> None:
    made = text()
    with torch.no_grad():
        said = made.encoders[0].network(filled(CAT), output_hidden_states=True)
        expected = made.encoders[0].norm(said.hidden_states[-2])
    assert torch.equal(made.encode(["a cat"], clip_skip=2).context, expected)
    assert not torch.equal(expected, said.last_hidden_state)


@pytest.mark.parametrize("skip", [0, 4])
def test_a_clip_skip_beyond_the_layers_is_refused(skip: int) -> None:
    with pytest.raises(InputError, match=r"[Cc]lip skip"):
        text().encode(["a cat"], clip_skip=skip)


def test_sdxl_joins_both_encoders_before_their_last_layer_and_pools_the_second() -> None:
    made = text(Base.SDXL)
    with torch.no_grad():
        first = made.encoders[0].network(filled(CAT), output_hidden_states=True)
        second = made.encoders[1].network(filled(CAT, PAD), output_hidden_states=True)
    told = made.encode(["a cat"])
    assert torch.equal(told.context, torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=2))
    assert told.pooled is not None
    assert torch.equal(told.pooled, second.text_embeds)


def test_sd2_pads_with_zeros_and_norms_the_layer_before_the_last() -> None:
    made = text(Base.SD2)
    with torch.no_grad():
        said = made.encoders[0].network(filled(CAT, PAD), output_hidden_states=True)
    assert torch.equal(made.encode(["a cat"]).context, made.encoders[0].norm(said.hidden_states[-2]))


def test_emphasis_scales_the_states_of_its_tokens_and_keeps_the_mean() -> None:
    made = text()
    made.encoders[0].norm.load_state_dict(
        {"weight": torch.ones(64), "bias": torch.full((64,), 0.5)}
    )  # a mean not about 0
    plain, strong = made.encode(["a cat"]).context, made.encode(["a (cat:1.5)"]).context
    weights = torch.ones(77)
    weights[2] = 1.5
    scaled = plain * weights[:, None]
    assert torch.allclose(strong, scaled * plain.mean() / scaled.mean(), atol=1e-6)
    assert float(strong.mean()) == pytest.approx(float(plain.mean()), rel=1e-4)


def test_long_prompts_are_cut_into_chunks_of_75() -> None:
    found = chunks(" ".join(["cat"] * 80), {})
    assert [len(chunk.tokens) for chunk in found] == [75, 5]
    assert text().encode([" ".join(["cat"] * 80), "a"]).context.shape == (2, 154, 64)
    assert len(chunks(" ".join(["cat"] * 3000), {})) == 40


def test_what_follows_a_comma_near_the_end_of_a_chunk_moves_on_with_it() -> None:
    found = chunks("cat " * 70 + "cat, cat cat cat cat cat", {})
    assert found[0].tokens[-1] == COMMA
    assert len(found[0].tokens) == 72
    assert len(found[1].tokens) == 5
    far = chunks("cat, " + "cat " * 80, {})
    assert len(far[0].tokens) == 75


def test_break_begins_a_chunk() -> None:
    assert [len(chunk.tokens) for chunk in chunks("a cat BREAK a dog", {})] == [2, 2]


def test_weights_go_with_their_tokens_into_the_next_chunk() -> None:
    found = chunks("cat " * 70 + "cat, (dog:1.3) dog dog dog dog", {})
    assert found[1].weights[0] == pytest.approx(1.3)
    assert set(found[1].weights[1:]) == {1.0}


def test_tokens_are_counted() -> None:
    assert counted("a cat", {}) == (2, 75)
    assert counted("cat " * 80, {}) == (80, 150)
    assert counted("a BREAK b", {}) == (76, 150)
    assert counted("a nice style, b", {"nice style": 5}) == (1 + 5 + 2, 75)


def test_the_vectors_of_an_embedding_stand_where_its_name_does() -> None:
    made = text()
    vectors = made.encoders[0].embed(torch.tensor(CAT)).detach()
    made.embeddings["my-cat"] = {"text": vectors}
    assert torch.equal(made.encode(["my-cat"]).context, made.encode(["a cat"]).context)
    assert torch.equal(made.encode(["MY-CAT, red"]).context, made.encode(["a cat, red"]).context)
    assert torch.equal(made.encode(["my-cats"]).context, text().encode(["my-cats"]).context)  # part of another word


def test_an_embedding_that_finds_no_room_begins_a_chunk() -> None:
    found = chunks("cat " * 73 + "style", {"style": 4})
    assert [len(chunk.tokens) for chunk in found] == [73, 4]
    assert found[1].vectors == {0: "style"}
    with pytest.raises(InputError, match="has 76 vectors; a prompt has room for 75"):
        chunks("style", {"style": 76})


def test_prompts_change_at_the_call_that_they_name() -> None:
    made = text()
    told = conditions(made, "a [cat:dog:5]", "bad", 10, (64, 64))
    cat, dog = (made.encode([f"a {name}"]).context for name in ("cat", "dog"))
    for call, expected in ((0, cat), (5, cat), (6, dog), (9, dog)):
        (said, weight), *rest = told.at(call)[0]
        assert not rest
        assert weight == 1
        assert torch.allclose(said.context, expected, atol=1e-6)
    assert torch.equal(told.at(3)[1].context, made.encode(["bad"]).context)


def test_joined_prompts_keep_their_weights_and_become_of_one_length() -> None:
    told = conditions(text(), "a cat AND a dog :0.5 AND " + "cat " * 80, "", 10, (64, 64))
    said, refused = told.at(0)
    assert [weight for _, weight in said] == [1, 0.5, 1]
    assert {one.context.shape for one, _ in said} == {(1, 154, 64)}
    assert torch.equal(said[0][0].context[0, 77:], said[0][0].context[0, 76].expand(77, -1))
    assert refused.context.shape == (1, 77, 64)


def test_sdxl_is_told_sizes_and_hears_nothing_where_no_prompt_is_refused() -> None:
    told = conditions(text(Base.SDXL), "a cat", "", 4, (512, 768))
    (said, _), *_ = told.at(0)[0]
    refused = told.at(0)[1]
    assert said.sizes is not None
    assert said.sizes.tolist() == [[512, 768, 0, 0, 512, 768]]
    assert refused.pooled is not None
    assert not refused.context.any()
    assert not refused.pooled.any()
    spoken = conditions(text(Base.SDXL), "a cat", "bad", 4, (512, 768)).at(0)[1]
    assert bool(spoken.context.any())


def test_the_refiner_is_told_how_fine_the_picture_is() -> None:
    told = conditions(text(Base.SDXL_REFINER), "a cat", "", 4, (512, 768))
    (said, _), *_ = told.at(0)[0]
    refused = told.at(0)[1]
    assert said.sizes is not None
    assert refused.sizes is not None
    assert said.sizes.tolist() == [[512, 768, 0, 0, 6.0]]
    assert refused.sizes.tolist() == [[512, 768, 0, 0, 2.5]]


def test_guidance_leads_away_from_the_negative_towards_each_prompt() -> None:
    first, second, refused = (torch.full((1, 4, 2, 2), value) for value in (3.0, 5.0, 1.0))
    assert float(guided([first, second], [1.0, 0.5], refused, 7.0)[0, 0, 0, 0]) == 1 + 7 * (2 + 0.5 * 4)
    assert torch.equal(guided([first], [1.0], refused, 1.0), first)
