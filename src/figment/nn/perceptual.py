"""A perceptual distance and a patch critic, both trained here: the two terms that keep an autoencoder sharp."""

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, normalize, silu

from figment.nn.convolution import Downsample, ResidualBlock

__all__ = ["FeatureNet", "PatchCritic", "turned"]


class FeatureNet(nn.Module):
    """A small classifier whose activations are a perceptual space (Zhang et al. 2018, without fetched weights)."""

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 8 * width)
        self.stem = nn.Conv2d(channels, width, 3, stride=2, padding=1)
        self.levels = nn.ModuleList(
            nn.Sequential(ResidualBlock(now), Downsample(now, after))
            for now, after in zip(widths, (*widths[1:], widths[-1]), strict=True)
        )
        self.head = nn.Linear(widths[-1], classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not declare this overload

    def forward(self, images: Tensor) -> Tensor:
        """Class logits (B, classes) of pictures (B, C, H, W) in [-1, 1]."""
        logits: Tensor = self.head(silu(self.features(images)[-1]).mean(dim=(2, 3)))
        return logits

    def features(self, images: Tensor) -> list[Tensor]:
        """Activations at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution."""
        found = [self.stem(images.contiguous(memory_format=torch.channels_last))]
        for level in self.levels:
            found.append(level(found[-1]))
        return found

    def distance(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Mean squared difference of unit-length activations over the first four levels; a scalar."""
        with torch.no_grad():
            targets = self.features(wanted)[:4]
        terms = [
            (normalize(found.float()) - normalize(target.float())).square().sum(dim=1).mean()
            for found, target in zip(self.features(made), targets, strict=False)
        ]
        return torch.stack(terms).mean()


class PatchCritic(nn.Module):
    """Scores overlapping patches of a picture as real or made (PatchGAN, Isola et al. 2017)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(channels, width, 4, stride=2, padding=1),
                nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
                nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1),
                nn.Conv2d(4 * width, 1, 3, padding=1),
            ]
        )
        for layer in self.layers:  # the default start shrinks every layer's output, and the critic sleeps for long
            nn.init.kaiming_normal_(layer.weight, a=0.2)  # type: ignore[arg-type]  # nn.ModuleList forgets the type
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not declare this overload

    def forward(self, images: Tensor) -> Tensor:
        """Patch scores (B, 1, H/8, W/8); above zero means real."""
        x = images.contiguous(memory_format=torch.channels_last)
        for layer in self.layers[:-1]:
            x = leaky_relu(layer(x), 0.2)
        scores: Tensor = self.layers[-1](x)
        return scores.float()


def turned(images: Tensor, turns: Tensor) -> Tensor:
    """Square pictures (B, C, S, S), each turned by its number (B,) of quarters (Gidaris et al. 2018)."""
    return torch.stack([image.rot90(int(turn), (1, 2)) for image, turn in zip(images, turns, strict=True)])
