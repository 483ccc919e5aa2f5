"""The causal transformer: what a token sees, and that one at a time is the same as all at once."""

import torch

from figment.nn.causal_transformer import CausalTransformer, CausalTransformerConfig, Memory, drawn


def model() -> CausalTransformer:
    torch.manual_seed(0)
    return CausalTransformer(
        CausalTransformerConfig(width=16, depth=2, heads=2), vocabulary=12, outputs=10, length=9
    ).eval()


def test_a_token_sees_the_earlier_ones_alone() -> None:
    network, tokens = model(), torch.randint(12, (1, 9))
    other = tokens.clone()
    other[0, 5] = (other[0, 5] + 1) % 12
    differs = (network(tokens) != network(other)).any(dim=2)[0]
    assert differs.tolist() == [False] * 6 + [True] * 3


@torch.no_grad()
def test_one_at_a_time_says_what_all_at_once_says() -> None:
    network, tokens, condition = model(), torch.randint(12, (3, 9)), torch.randn(3, 16)
    whole = network(tokens, condition)
    memory = Memory(network.settings, 3, 9, torch.device("cpu"))
    steps = [network.step(memory, tokens[:, place - 1] if place else None, condition) for place in range(9)]
    assert torch.allclose(torch.stack(steps, dim=1), whole, atol=1e-5)


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    logits = torch.tensor([0.0, 1.0, -1.0, 2.0])
    chance = torch.linspace(0, 1, 10_001)[:-1]
    counts = torch.bincount(drawn(logits.expand(10_000, -1), chance), minlength=4) / 10_000
    assert torch.allclose(counts, logits.softmax(dim=0), atol=1e-3)
    assert int(drawn(logits[None], torch.ones(1))[0]) == 3
