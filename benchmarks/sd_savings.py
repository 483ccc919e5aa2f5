"""What each saving of Stable Diffusion saves, and how far its pictures are from the exact ones.

    python benchmarks/sd_savings.py MODEL.safetensors [--size 512] [--steps 20] [--prompt TEXT] [--sheet savings.png]

Every way draws the same seeds by the same sampler (DPM++ 2M Karras), the exact way first. Each draws once before, so
that its weights are packed and, for eight bits, its ranges known. Prints seconds for a picture, how many times as fast
that is, and the difference from the exact pictures: mean of absolute levels (0 to 255), PSNR and SSIM. The sheet shows
the first seed of each. Only a trained model says how much of a difference is seen.
"""

import argparse
import math
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from figment.core.task import finish
from figment.diffusion.checkpoints import open_checkpoint
from figment.diffusion.devices import best, give_back
from figment.diffusion.engine import Engine, Job, Networks
from figment.diffusion.options import Options
from figment.pixels.grids import contact_sheet
from figment.studio.gallery import Gallery
from figment.trust.labels import Operation, Provenance

Picture = NDArray[np.uint8]
SAMPLER = "DPM++ 2M Karras"
WAYS: dict[str, Options] = {
    "exact": Options(sampler=SAMPLER),
    "--eight-bit": Options(sampler=SAMPLER, eight_bit=True),
    "--keep-features 2": Options(sampler=SAMPLER, keep_features=2),
    "--keep-features 3": Options(sampler=SAMPLER, keep_features=3),
    "--guide-until 0.6": Options(sampler=SAMPLER, guide_until=0.6),
    "--skip-below 3": Options(sampler=SAMPLER, skip_below=3),
    "all but features 3": Options(sampler=SAMPLER, eight_bit=True, keep_features=2, guide_until=0.6),
}


def drawn(path: Path, options: Options, asked: argparse.Namespace) -> tuple[list[Picture], float]:
    """Pictures of all seeds, and the median of their seconds."""
    engine = Engine(Networks(open_checkpoint(path)), best(), keep=options.keep_features, eight_bit=options.eight_bit)

    def one(seed: int, steps: int) -> Picture:
        size = (asked.size, asked.size)
        return finish(engine.draw(Job(asked.prompt, asked.negative, (seed,), steps, 7.0, size, options)))[0]

    one(0, 2)
    pictures, seconds = [], []
    for seed in range(asked.seeds):
        begun = time.perf_counter()
        pictures.append(one(seed, asked.steps))
        seconds.append(time.perf_counter() - begun)
    give_back()
    return pictures, statistics.median(seconds)


def differences(pictures: list[Picture], exact: list[Picture]) -> tuple[float, float, float]:
    """Mean absolute levels, PSNR in decibels and SSIM."""
    apart = np.stack(pictures).astype(float) - np.stack(exact)
    squared = float(np.mean(apart**2))
    psnr = math.inf if squared == 0 else 10 * math.log10(255**2 / squared)
    pairs = zip(pictures, exact, strict=True)
    likeness = [float(structural_similarity(one, other, channel_axis=2)) for one, other in pairs]
    return float(np.abs(apart).mean()), psnr, statistics.mean(likeness)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--prompt", default="a photograph of a fox in a forest, detailed")
    parser.add_argument("--negative", default="blurry, lowres")
    parser.add_argument("--sheet", type=Path)
    asked = parser.parse_args()
    torch.set_grad_enabled(False)
    exact, whole = drawn(asked.path, WAYS["exact"], asked)
    shown = {"exact": exact[0]}
    print(f"{'exact':20} {whole:6.2f} s")
    for name, options in list(WAYS.items())[1:]:
        pictures, seconds = drawn(asked.path, options, asked)
        mean, psnr, likeness = differences(pictures, exact)
        shown[name] = pictures[0]
        apart = f"mean {mean:5.2f}  {psnr:4.1f} dB  SSIM {likeness:.3f}"
        print(f"{name:20} {seconds:6.2f} s  {whole / seconds:4.2f} times  {apart}")
    if asked.sheet:
        sheet = contact_sheet(list(shown.values()), list(shown), 4)
        said = Provenance.of(Operation.CREATE, model=asked.path.stem, model_sha256=open_checkpoint(asked.path).sha256)
        print(Gallery().save(sheet, None, said, path=asked.sheet).path)


if __name__ == "__main__":
    main()
