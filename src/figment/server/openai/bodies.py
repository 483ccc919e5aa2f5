"""What OpenAI's clients send to its Images interface."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["Drawing", "Editing"]

Short = Annotated[str, Field(max_length=300)]


def _says_something(prompt: str) -> str:
    if not prompt.strip():
        raise ValueError("should be a sentence such as 'a red apple'")
    return prompt


class Drawing(BaseModel):
    """POST /v1/images/generations. Other fields are passed over: they say how pictures are checked or sold."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    prompt: Annotated[str, Field(max_length=20_000), AfterValidator(_says_something)]
    model: Short | None = None
    n: Annotated[int, Field(ge=1, le=10)] | None = None
    size: Annotated[str, Field(pattern=r"^(auto|\d{1,4}x\d{1,4})$")] | None = None
    quality: Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"] | None = None
    background: Literal["auto", "opaque", "transparent"] | None = None
    output_format: Literal["png", "jpeg", "webp", "gif", "svg"] | None = None
    output_compression: Annotated[int, Field(ge=0, le=100)] | None = None
    response_format: Literal["url", "b64_json"] | None = None
    stream: bool | None = None
    partial_images: Annotated[int, Field(ge=0, le=3)] | None = None


class Editing(Drawing):
    """POST /v1/images/edits, but for its pictures."""

    input_fidelity: Literal["low", "high"] | None = None
