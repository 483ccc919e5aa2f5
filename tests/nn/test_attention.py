"""Both ways of attention agree."""

import torch

from figment.nn.attention import attend


def test_bfloat16_products_agree_with_the_fused_kernel() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 7, 8, generator=generator) for _ in range(3))
    mask = torch.ones(2, 7, dtype=torch.bool)
    mask[0, 4:] = False
    exact = attend(query, key, value, mask)
    rounded = attend(query.bfloat16(), key.bfloat16(), value.bfloat16(), mask)
    assert torch.allclose(exact, rounded.float(), atol=0.03)


def test_masked_keys_do_not_matter() -> None:
    generator = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(1, 2, 5, 4, generator=generator) for _ in range(3))
    mask = torch.tensor([[True, True, True, False, False]])
    whole = attend(query, key, value, mask)
    assert torch.allclose(whole, attend(query, key[:, :, :3], value[:, :, :3]), atol=1e-6)
