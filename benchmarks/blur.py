"""How sharp reconstructions are: of a plain VAE, of VQ-VAE, and of VQ-VAE with perceptual and adversarial terms.

    python benchmarks/blur.py runs/vae runs/vqvae runs/vqvae-sharp --data npz:mnist.npz -o strip.png

For each run, medians over test pictures: PSNR, and the edge energy and the finest octave of the spectrum that are kept,
as shares of the real pictures'; for a codebook, how many of its codes the test pictures use and their perplexity. Draws
a strip: real pictures above each run's.
"""

import argparse
from pathlib import Path

import torch
from autoencoder_sharpness import Pictures, figures
from torch import Tensor

from figment.core.files import write_bytes
from figment.core.model import Encodes
from figment.data.datasets import open_dataset
from figment.families import vqvae
from figment.pixels.arrays import from_signed
from figment.pixels.files import encode
from figment.pixels.grids import grid
from figment.studio.create import ready
from figment.studio.library import find

AT_ONCE = 100


def pictures(images: Tensor) -> Pictures:
    """Uint8 (H, W, 3) pictures of (N, C, H, W); grey ones in three equal channels."""
    return [from_signed(image.float().cpu().expand(3, -1, -1).numpy()) for image in images]


def usage(codes: Tensor, size: int) -> tuple[int, float]:
    """Codes of a book of `size` that are used, and their perplexity."""
    shares = torch.bincount(codes.flatten(), minlength=size).double() / codes.numel()
    used = shares[shares > 0]
    return len(used), float((-(used * used.log()).sum()).exp())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--data", required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--show", type=int, default=12, help="pictures in the strip")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    rows: Pictures = []
    print(f"{'':16}{'PSNR':>9}{'edges kept':>12}{'finest octave':>15}  codes used, perplexity")
    for name in options.runs:
        model = ready(find(name))
        if not isinstance(model, Encodes):
            parser.error(f"{name} cannot reconstruct pictures; leave it out.")
        images = open_dataset(options.data, model.image_shape[1], split="test").batch(0, options.count).images
        assert images is not None
        codes = torch.cat([model.encode(some) for some in torch.split(images, AT_ONCE)])
        made = torch.cat([model.decode(some) for some in torch.split(codes, AT_ONCE)])
        real = pictures(images)
        decibel, edges, fine = figures(real, pictures(made))
        told = ""
        if isinstance(model, vqvae.Model):
            used, perplexity = usage(codes, model.config.codes)
            told = f"  {used} of {model.config.codes}, {perplexity:.0f}"
        print(f"{Path(name).name:16}{decibel:6.1f} dB{edges:11.0%}{fine:14.0%}{told}", flush=True)
        rows = rows or real[: options.show]
        rows += pictures(made[: options.show])
    write_bytes(options.out, encode(grid(rows, columns=options.show), "png"))


if __name__ == "__main__":
    main()
