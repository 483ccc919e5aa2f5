"""Words into the token numbers of CLIP (Radford et al. 2021), with the vocabulary that ships here."""

import gzip
from functools import cache
from importlib.resources import files

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE

__all__ = ["COMMA", "END", "PAD", "START", "tokens"]

START, END, PAD = 49406, 49407, 0
"""Tokens before and after a text, and what OpenCLIP's encoders have after its end; the first CLIP has `END` there."""
COMMA = 267
MERGES = 49152 - 256 - 2
"""The file lists more pairs than CLIP was trained with."""
WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def tokens(text: str) -> list[int]:
    """Numbers of the byte pairs of `text`, without start and end."""
    return list(_tokenizer().encode(text).ids)


@cache
def _tokenizer() -> Tokenizer:
    merges = [(first, second) for first, second in (line.split() for line in _lines())]
    letters = _letters()
    pieces = [*letters, *(letter + "</w>" for letter in letters), *(first + second for first, second in merges)]
    vocabulary = {piece: number for number, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}
    tokenizer = Tokenizer(BPE(vocabulary, merges, end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = pre_tokenizers.Split(Regex(WORDS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return tokenizer


def _lines() -> list[str]:
    packed = (files("figment.diffusion") / "vocabulary" / "bpe_simple_vocab_16e6.txt.gz").read_bytes()
    return gzip.decompress(packed).decode().split("\n")[1 : MERGES + 1]


def _letters() -> list[str]:
    """A visible sign for each of 256 bytes: itself, or the next free one from 256 on; visible ones first."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = 256 - len(visible)
    return [chr(byte) for byte in visible] + [chr(256 + number) for number in range(hidden)]
