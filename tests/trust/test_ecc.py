"""The error correction against its definition and against noise."""

import binascii

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from figment.trust import ecc

PAYLOADS = st.integers(0, 2**64 - 1)


def as_bits(code: np.ndarray) -> list[int]:
    return [int(sign < 0) for sign in code]


@settings(max_examples=10, deadline=None)
@given(PAYLOADS)
def test_a_clean_word_decodes_to_its_payload(payload: int) -> None:
    assert ecc.decode(ecc.encode(payload).astype(np.float64)) == payload


def test_code_words_are_linear() -> None:
    a, b = 0x0123456789ABCDEF, 0xFEDCBA9876543210
    words = [ecc.encode(payload) for payload in (a, b, a ^ b, 0)]
    # The CRC starts at ones, so that it is affine: the word of zero takes that out.
    assert np.array_equal(words[0] * words[1], words[2] * words[3])


def test_the_word_is_what_its_definition_says() -> None:
    """Checksum by the standard library; code by shift registers written out, with the taps of the published octals."""
    generators = (0o557, 0o663, 0o711)
    payload = 0xA5A5_0F0F_1234_5678
    word = payload << 16 | binascii.crc_hqx(payload.to_bytes(8, "big"), 0xFFFF)
    bits = [word >> place & 1 for place in range(79, -1, -1)]
    expected = []
    for place in range(80):
        window = [bits[place - delay] for delay in range(9)]  # negative indices: the tail bites
        for generator in generators:
            taps = [generator >> 8 - delay & 1 for delay in range(9)]
            expected.append(sum(tap & bit for tap, bit in zip(taps, window, strict=True)) % 2)
    assert as_bits(ecc.encode(payload)) == expected


def test_noise_that_flips_every_sixth_bit_is_corrected() -> None:
    rng = np.random.default_rng(1)
    wrong = 0
    for payload in rng.integers(0, 2**63, 20):
        code = ecc.encode(int(payload))
        received = code + rng.normal(0, 1.0, ecc.CODE_BITS)
        assert np.mean(np.sign(received) != code) > 0.08
        wrong += ecc.decode(received) != int(payload)
    assert wrong <= 1


def test_scaling_the_soft_values_changes_nothing() -> None:
    received = ecc.encode(42) + np.random.default_rng(2).normal(0, 0.8, ecc.CODE_BITS)
    assert ecc.decode(received) == ecc.decode(1e-3 * received) == 42


@pytest.mark.parametrize("seed", range(5))
def test_random_words_fail_the_checksum(seed: int) -> None:
    assert ecc.decode(np.random.default_rng(seed).normal(0, 1, ecc.CODE_BITS)) is None
