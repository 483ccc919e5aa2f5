"""What a prompt says to Stable Diffusion, and what a picture says of how it was made, read as the page shows them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Body

from figment.core.errors import InputError
from figment.diffusion.prompt import BREAK, Network, Weighted, networks, weighted
from figment.diffusion.tokens import tokens
from figment.pixels.files import read_text
from figment.server.problems import Problem
from figment.server.studio import TheStudio, Whoever
from figment.studio.parameters import Settings, read
from figment.studio.request import MOST_CHARACTERS

__all__ = ["router"]

router = APIRouter(prefix="/api")
CHUNK = 75
"""Tokens that the text encoder takes at once."""


@dataclass(frozen=True)
class Reading:
    """A prompt, read."""

    tokens: int
    """As many as CLIP sees, without starts and ends."""
    room: int
    """As many as the chunks have that it fills."""
    pieces: list[Weighted]
    """Its words with their weights."""
    networks: list[Network]
    """The LoRAs that it names."""


@router.post("/prompt")
def read_prompt(text: Annotated[str, Body(embed=True, max_length=MOST_CHARACTERS)]) -> Reading:
    """Count a prompt's tokens and show its weights."""
    words, named = networks(text)
    pieces = weighted(words)
    chunks = [0]
    for piece in pieces:
        if piece.text == BREAK and piece.weight == -1:
            chunks.append(0)
        else:
            chunks[-1] += len(tokens(piece.text))
    room = sum(max(1, -(-count // CHUNK)) * CHUNK for count in chunks)
    return Reading(sum(chunks), room, [piece for piece in pieces if piece.text], named)


@router.get("/recall/{file:path}")
def recall(file: str, studio: TheStudio, who: Whoever) -> Settings:
    """The settings in a picture, whichever program wrote them, for the page to ask for the same."""
    try:
        path = studio.places(who.name).file(file)
    except InputError as error:
        raise Problem(404, str(error)) from None
    text = read_text(path)
    if not text:
        raise InputError(
            "This picture holds no settings; they are in pictures as Figment and AUTOMATIC1111 write them."
        )
    return read(text)
