"""The text encoder sees padding never, order always, and learns what its teacher says."""

import pytest
import torch

from figment.nn.text_encoder import TextEncoder, TextEncoderConfig, distillation_loss
from figment.nn.tokenizer import Tokenizer

TOKENIZER = Tokenizer.packaged()
TEXTS = ("a red apple", "", "파란 배경 왼쪽에 빨간 사과, 트웨모지 스타일", "cat")


SETTINGS = TextEncoderConfig(width=32, depth=2, heads=2, output=24)


def make_encoder() -> TextEncoder:
    torch.manual_seed(0)
    encoder = TextEncoder(SETTINGS)
    for parameter in encoder.parameters():  # the blocks start as the identity, which would hide their mistakes
        torch.nn.init.normal_(parameter, std=0.1)
    return encoder


def test_shapes_and_unit_length() -> None:
    states = make_encoder()(*TOKENIZER.pack(TEXTS))
    length = max(len(TOKENIZER.encode(text)) for text in TEXTS)
    assert states.tokens.shape == (4, length, 32)
    assert states.mask.shape == (4, length)
    torch.testing.assert_close(states.pooled.norm(dim=1), torch.ones(4))


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_a_text_reads_the_same_alone_and_padded(number: int) -> None:
    encoder = make_encoder()
    together = encoder(*TOKENIZER.pack(TEXTS))
    alone = encoder(*TOKENIZER.pack(TEXTS[number : number + 1]))
    length = alone.tokens.shape[1]
    torch.testing.assert_close(together.tokens[number, :length], alone.tokens[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(together.pooled[number], alone.pooled[0], atol=1e-5, rtol=0)


def test_order_of_words_matters() -> None:
    pooled = make_encoder()(*TOKENIZER.pack(["cat above dog", "dog above cat"])).pooled
    assert not torch.allclose(pooled[0], pooled[1], atol=1e-3)


def test_bfloat16_stays_near_float32() -> None:
    encoder, packed = make_encoder(), TOKENIZER.pack(TEXTS)
    with torch.autocast("cpu", torch.bfloat16):
        coarse = encoder(*packed).pooled
    cosine = (coarse * encoder(*packed).pooled).sum(1)
    assert coarse.dtype == torch.float32
    assert cosine.min() > 0.99


def test_loss_is_zero_only_at_the_teacher() -> None:
    teacher = torch.randn(6, 24, generator=torch.Generator().manual_seed(0))
    unit = torch.nn.functional.normalize(teacher, dim=1)
    assert distillation_loss(unit, teacher).item() == pytest.approx(0, abs=1e-5)
    assert distillation_loss(unit.roll(1, 0), teacher).item() > 1
    assert distillation_loss(-unit, teacher).item() > 2


def test_encoder_learns_its_teacher() -> None:
    torch.manual_seed(0)
    encoder, packed = TextEncoder(SETTINGS), TOKENIZER.pack(TEXTS)
    teacher = torch.randn(4, 24, generator=torch.Generator().manual_seed(1))
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        loss = distillation_loss(encoder(*packed).pooled, teacher)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation here
        optimizer.step()
    assert loss.item() < 0.05
