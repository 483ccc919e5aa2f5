"""PixelCNN: a picture is written pixel by pixel, each drawn from what a network says of it after all earlier ones.

Gated, in two stacks without a blind spot (van den Oord et al. 2016b, after van den Oord et al. 2016a); colours by a
discretised mixture (PixelCNN++, Salimans et al. 2017); the preset "long-range" looks at all earlier pixels at once
(PixelSNAIL, Chen et al. 2018).

Loss: -log p(x_i | x_1 ... x_i-1), summed over pixels; it is the likelihood itself and no bound. Known weakness:
sampling takes one network call for each pixel, and what is far away is forgotten. Remedy: keep what earlier calls have
worked out, so that a pixel costs one narrow column of work; attention for what is far.
"""

from collections.abc import Mapping
from typing import Annotated

from torch import Tensor
from torch.optim import AdamW, Optimizer

from figment.core.config import Field, config
from figment.core.dataset import Batch
from figment.core.errors import InputError
from figment.core.model import SampleRequest
from figment.families.pixelcnn.columns import Columns
from figment.families.pixelcnn.network import Network
from figment.nn.condition import Condition, Kind
from figment.nn.pixel_likelihood import Likelihood, outputs
from figment.nn.pixelwise import Drawing, PixelModel
from figment.nn.text_encoder import TextEncoderConfig

__all__ = ["PRESETS", "TINY", "Config", "Model"]


@config
class Config:
    """What a pixel is, what a picture can be asked for by, and the network."""

    image_size: Annotated[int, Field(ge=2, le=256)] = 32
    """Side of the pictures in pixels."""
    channels: Annotated[int, Field(ge=1, le=4)] = 3
    """Channels of the pictures."""
    likelihood: Likelihood = "mixture"
    """How a pixel is told: black or white, one of 256 greys, or a mixture over 8-bit values."""
    condition: Kind = "none"
    """What a picture can be asked for by."""
    classes: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Number of classes, for the condition "class"."""
    text: TextEncoderConfig = TextEncoderConfig(width=128, depth=2, heads=2, output=128)
    """Reads captions, for the condition "caption"; trained together with the network."""
    condition_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of conditions left out, so that pictures of anything can be asked for."""
    width: Annotated[int, Field(ge=8, le=512, multiple_of=8)] = 32
    """Channels of each stack."""
    layers: Annotated[int, Field(ge=1, le=64)] = 10
    """Gated layers; each lets a pixel see one row and one column further."""
    hidden: Annotated[int, Field(ge=8, le=1024)] = 64
    """Channels of the layer before the last."""
    attention_every: Annotated[int, Field(ge=0, le=64)] = 0
    """Layers between two attentions over all earlier pixels; 0 for none."""
    heads: Annotated[int, Field(ge=1, le=16)] = 2
    """Heads of each attention; must divide the width."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of channels left out in training."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)] = 2e-3
    """Peak learning rate."""


PRESETS: Mapping[str, Config] = {
    "binary": Config(likelihood="binary"),
    "grey": Config(likelihood="softmax", channels=1),
    "class": Config(condition="class", classes=10),
    "caption": Config(condition="caption"),
    "long-range": Config(attention_every=3),
}
"""Named configurations: for black and white, for 256 greys, conditional ones, and the one with attention."""

TINY = Config(
    image_size=8,
    channels=1,
    condition="caption",
    text=TextEncoderConfig(width=16, depth=1, heads=2, output=8),
    width=8,
    layers=2,
    hidden=8,
    attention_every=2,
)


class Model(PixelModel[Config]):
    """The network, and what it is told of the picture that is wanted."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if config.width % config.heads:
            raise InputError(f"{config.heads} heads cannot share {config.width} channels evenly.")
        self.condition = Condition(config.condition, config.classes, config.text, config.width)
        self.network = Network(
            channels=config.channels,
            side=config.image_size,
            width=config.width,
            layers=config.layers,
            hidden=config.hidden,
            outputs=outputs(config.likelihood, config.channels),
            condition=0 if config.condition == "none" else config.width,
            attention_every=config.attention_every,
            heads=config.heads,
            dropout=config.dropout,
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.config.channels, self.config.image_size, self.config.image_size)

    @property
    def likelihood(self) -> Likelihood:
        return self.config.likelihood

    @property
    def honours(self) -> frozenset[str]:
        return super().honours | self.condition.honours

    def optimizers(self, stage: str) -> Mapping[str, Optimizer]:
        rate = self.config.learning_rate
        return {"model": AdamW(self.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)}

    def of_batch(self, batch: Batch, count: int) -> Tensor | None:
        return self.condition.of(batch, count, self.config.condition_dropout)

    def asked(self, request: SampleRequest) -> Tensor | None:
        return self.condition.asked(request)

    def said(self, images: Tensor, wanted: Tensor | None) -> Tensor:
        found: Tensor = self.network(images, wanted)
        return found

    def begin(self, chance: Tensor, wanted: Tensor | None, known: Tensor | None) -> Drawing:
        return Columns(self.network, self.config.likelihood, chance, wanted, known)
