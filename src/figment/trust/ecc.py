"""Error correction for the watermark: CRC-16, then a tail-biting convolutional code decoded from soft values.

The code has rate 1/3 and constraint length 9 with the generators of 3GPP TS 25.212, section 4.2.3.1. Tail-biting
(Ma & Wolf 1986) means that the encoder starts in the state that it ends in, so that no energy goes into known bits.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["CODE_BITS", "FALSE_PASS", "PAYLOAD_BITS", "decode", "encode"]

PAYLOAD_BITS = 64
CODE_BITS = 240
"""Bits of a code word: three for each bit of payload and checksum."""

_CHECK_BITS = 16
FALSE_PASS = 2.0**-_CHECK_BITS
"""Probability that a random word passes the checksum."""

_WORD_BITS = PAYLOAD_BITS + _CHECK_BITS
_MEMORY = 8
_STATES = 1 << _MEMORY
_GENERATORS = (0o557, 0o663, 0o711)
_CRC_POLYNOMIAL = 0x1021  # CRC-16/CCITT
_CRC_START = 0xFFFF


def encode(payload: int) -> NDArray[np.int8]:
    """Code word of `payload` in [0, 2**64): CODE_BITS values, each +1 for a 0 and -1 for a 1."""
    word = payload << _CHECK_BITS | _checksum(payload)
    bits = [word >> place & 1 for place in range(_WORD_BITS - 1, -1, -1)]
    state = 0
    for bit in bits[-_MEMORY:]:
        state = _next_state(state, bit)
    signs, _ = _trellis()
    code = np.empty((_WORD_BITS, 3), np.int8)
    for place, bit in enumerate(bits):
        code[place] = signs[state | bit << _MEMORY]
        state = _next_state(state, bit)
    return code.reshape(-1)


def decode(soft: NDArray[np.floating]) -> int | None:
    """Most likely payload of the CODE_BITS `soft` values, whose signs are those of `encode`; None when the CRC fails.

    Only the proportions of the values count.
    """
    word = 0
    for bit in _most_likely_bits(soft.reshape(_WORD_BITS, 3).astype(np.float64)):
        word = word << 1 | bit
    payload = word >> _CHECK_BITS
    return payload if word & (1 << _CHECK_BITS) - 1 == _checksum(payload) else None


def _checksum(payload: int) -> int:
    register = _CRC_START
    for place in range(PAYLOAD_BITS - 1, -1, -1):
        carry = register >> 15 ^ payload >> place & 1
        register = register << 1 & 0xFFFF ^ _CRC_POLYNOMIAL * carry
    return register


def _next_state(state: int, bit: int) -> int:
    """The state holds the last bits sent, the newest on top."""
    return (state | bit << _MEMORY) >> 1


@cache
def _trellis() -> tuple[NDArray[np.int8], NDArray[np.intp]]:
    """Signs (2 * states, 3) sent in state s with bit b, at s | b << 8; and of each state its two predecessors."""
    registers = np.arange(2 * _STATES)
    parities = [np.bitwise_count(registers & generator) & 1 for generator in _GENERATORS]
    signs = (1 - 2 * np.stack(parities, axis=1).astype(np.int8)).astype(np.int8)
    states = np.arange(_STATES)
    previous = (states << 1 & _STATES - 1)[:, None] | np.arange(2)
    return signs, previous.astype(np.intp)


def _most_likely_bits(soft: NDArray[np.float64]) -> list[int]:
    """Viterbi's algorithm around the circle three times; the middle lap has forgotten both its loose ends."""
    signs, previous = _trellis()
    newest = np.arange(_STATES) >> _MEMORY - 1
    branch = signs[previous | newest[:, None] << _MEMORY].astype(np.float64)
    gains = np.einsum("sbk,tk->tsb", branch, soft)
    score = np.zeros(_STATES)
    choices = []
    for gain in (*gains, *gains, *gains):
        reached = score[previous] + gain
        choice = reached.argmax(axis=1)
        score = reached.max(axis=1)
        choices.append(choice)
    state = int(score.argmax())
    bits = []
    for choice in reversed(choices):
        bits.append(int(newest[state]))
        state = int(previous[state, choice[state]])
    return bits[::-1][_WORD_BITS : 2 * _WORD_BITS]
