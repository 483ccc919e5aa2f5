"""How often a model draws what it was asked for, beside the same figure for real held-out pictures.

python benchmarks/right_pictures.py [--model sprites-128] [--prompts 200] [--judge judge.safetensors] [--out DIR]

(a) single concepts: the asked one is the judge's first, or among its first five. (b) composed scenes: object, count,
position, colour and style as asked, by the oracle. (c) words that no caption holds, by the judge. (d) distances to the
nearest training sprite, by which memorising is seen. Half of the prompts are Korean. The judge is trained on real
training sprites only; real pictures for comparison are sprites that neither judge nor model has seen.
"""

import argparse
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from memorising import Distances, distances
from numpy.typing import NDArray
from scene_cases import CATEGORIES, SINGLE, Case, cases
from scene_verdicts import VERDICTS, witness
from scores import Row, Score, table, with_parts
from sprite_judge import ready_judge, stacked

from figment.core.checkpoint import read_metadata
from figment.core.files import write_bytes
from figment.core.model import GenerativeModel, SampleRequest
from figment.core.task import finish
from figment.data.home import data_home
from figment.data.scene import WHITE, Placed, Scene
from figment.data.scene_render import render
from figment.data.sprite_pack import SpritePack
from figment.metrics.judge import Judge
from figment.pixels.arrays import from_signed
from figment.pixels.files import encode
from figment.pixels.grids import contact_sheet
from figment.studio.create import ready
from figment.studio.library import find
from figment.training.device import place

PARAPHRASES = Path(__file__).parent / "paraphrases.json"
Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Bench:
    """The model under test and what it is tested with."""

    model: GenerativeModel[Any]
    judge: Judge
    pack: SpritePack
    seed: int
    steps: int
    guidance: float
    at_once: int

    def draw(self, prompts: Sequence[str], series: str) -> list[Picture]:
        """A picture for each prompt; the same ones for the same seed and name of the series."""
        rng = torch.Generator().manual_seed(zlib.crc32(f"{self.seed} {series}".encode()))
        pictures: list[Picture] = []
        for start in range(0, len(prompts), self.at_once):
            some = tuple(prompts[start : start + self.at_once])
            request = SampleRequest(len(some), prompts=some, guidance=self.guidance, steps=self.steps)
            made = finish(self.model.sample(request, rng))
            pictures += [from_signed(picture.float().cpu().numpy()) for picture in made]
            print(f"{series}: {len(pictures)}/{len(prompts)}", flush=True)
        return pictures

    def real(self, scenes: Iterable[Scene]) -> list[Picture]:
        """The real pictures of `scenes`, as large as the model's."""
        return [render(scene, self.pack, self.model.image_shape[1]).image for scene in scenes]

    def first(self, pictures: Sequence[Picture], k: int) -> list[list[int]]:
        """The judge's `k` first concepts for each picture as a whole."""
        device = next(self.judge.parameters()).device
        chunks = [pictures[start : start + 64] for start in range(0, len(pictures), 64)]
        return [row for chunk in chunks for row in self.judge.top(stacked(chunk).to(device), k).tolist()]


@dataclass(frozen=True, eq=False)
class Findings:
    """What came out."""

    rows: list[Row]
    distances: Distances
    gallery: list[tuple[Picture, str]]
    """Pictures with their prompts, for the contact sheet."""


def main() -> None:
    """Measure, print the table, and write it beside a contact sheet."""
    arguments = parse()
    here = place()
    pack = SpritePack.open(data_home() / "sprites")
    entry = find(arguments.model)
    model, metadata = ready(entry), read_metadata(entry.path)
    judge = ready_judge(pack, arguments.judge, here.device, steps=arguments.judge_steps, seed=arguments.seed)
    bench = Bench(
        model.to(here.device), judge, pack, arguments.seed, arguments.steps, arguments.guidance, arguments.batch
    )
    findings = measure(bench, arguments.prompts)
    settings = {"steps of training": dict(metadata.steps)} | {key: str(value) for key, value in vars(arguments).items()}
    report = "\n".join([*table(findings.rows), "", *distance_lines(findings.distances)])
    print(report)
    publish(arguments.out, report, findings, settings)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="name or path of the model; the default one if none is named")
    parser.add_argument("--prompts", type=int, default=200, help="prompts per figure, an even number")
    parser.add_argument("--judge", type=Path, default=Path("outputs/right-pictures/judge.safetensors"))
    parser.add_argument("--judge-steps", type=int, default=3000, help="steps to train the judge if there is none")
    parser.add_argument("--out", type=Path, default=Path("outputs/right-pictures"))
    parser.add_argument("--seed", type=int, default=2024)
    parser.add_argument("--steps", type=int, default=16, help="sampling steps")
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--batch", type=int, default=20, help="pictures sampled at once")
    return parser.parse_args()


def measure(bench: Bench, total: int) -> Findings:
    """All figures of `bench`, with `total` prompts each."""
    asked = cases(bench.pack, SINGLE, total, bench.seed)
    made = bench.draw([case.text for case in asked], SINGLE.name)
    known = cases(bench.pack, SINGLE, total, bench.seed, held_out=True)
    real = bench.real(case.scene for case in known)
    rows = [
        Row(f"{SINGLE.name}, top {k}", single_score(bench, asked, made, k), single_score(bench, known, real, k))
        for k in (1, 5)
    ]
    gallery = [(picture, case.text) for picture, case in zip(made[:51], asked, strict=False)]
    for row, shown in scene_rows(bench, total):
        rows.append(row)
        gallery += shown
    rows += [with_parts("position", rows), with_parts("colour", rows), paraphrase_row(bench)]
    return Findings(rows, distances(bench.pack, bench.judge, made, real), gallery[:100])


def single_score(bench: Bench, asked: Sequence[Case], pictures: Sequence[Picture], k: int) -> Score:
    top = bench.first(pictures, k)
    hits = sum(case.scene.objects[0].concept in guess for case, guess in zip(asked, top, strict=True))
    return Score(hits, len(asked))


def scene_rows(bench: Bench, total: int) -> Iterator[tuple[Row, list[tuple[Picture, str]]]]:
    """The row of every category, with its first seven pictures."""
    for category in CATEGORIES:
        count = total // 2 if ":" in category.name else total
        asked = cases(bench.pack, category, count, bench.seed)
        made = bench.draw([case.text for case in asked], category.name)
        known = [case.scene for case in cases(bench.pack, category, count, bench.seed, held_out=True)]
        shown = [(picture, case.text) for picture, case in zip(made[:7], asked, strict=False)]
        score = scene_score(bench, category.name, [case.scene for case in asked], made)
        yield Row(category.name, score, scene_score(bench, category.name, known, bench.real(known))), shown


def scene_score(bench: Bench, category: str, asked: Sequence[Scene], pictures: Sequence[Picture]) -> Score:
    right = VERDICTS[category]
    seen = (witness(picture, bench.judge, bench.pack.styles) for picture in pictures)
    return Score(sum(right(scene, each) for scene, each in zip(asked, seen, strict=True)), len(asked))


def paraphrase_row(bench: Bench) -> Row:
    """Words that no caption holds, and real held-out pictures of what would do: it is among the judge's first five."""
    entries: list[dict[str, Any]] = json.loads(PARAPHRASES.read_text(encoding="utf-8"))
    numbers = {concept.id: number for number, concept in enumerate(bench.pack.concepts)}
    wanted = [{numbers[name] for name in entry["concepts"] if name in numbers} for entry in entries]
    made = bench.draw([entry["text"] for entry in entries], "paraphrases")
    pairs = [(alone(bench.pack, number), accepted) for accepted in wanted for number in held_out(bench.pack, accepted)]
    real = bench.real([scene for scene, _ in pairs])
    known = accepted_score(bench, [accepted for _, accepted in pairs], real) if real else None
    return Row("paraphrases, top 5", accepted_score(bench, wanted, made), known)


def held_out(pack: SpritePack, concepts: set[int]) -> list[int]:
    """Numbers of the held-out sprites without skin tone of `concepts`."""
    sprites = enumerate(pack.sprites)
    return [number for number, each in sprites if each.held_out and each.concept in concepts and not each.tone]


def alone(pack: SpritePack, number: int) -> Scene:
    """A sprite in the middle of a white picture."""
    sprite = pack.sprites[number]
    return Scene((Placed(number, sprite.concept, 0.5, 0.5, 0.8),), WHITE, sprite.style)


def accepted_score(bench: Bench, wanted: Sequence[set[int]], pictures: Sequence[Picture]) -> Score:
    guesses = bench.first(pictures, 5)
    hits = sum(not accepted.isdisjoint(guess) for accepted, guess in zip(wanted, guesses, strict=True))
    return Score(hits, len(wanted))


def distance_lines(found: Distances) -> list[str]:
    lines = [
        f"| {space} | {whose} | {row['5%']:.3f} | {row['median']:.3f} | {row['95%']:.3f} | {row['copies']:.1%} |"
        for space, pictures in found.items()
        for whose, row in pictures.items()
    ]
    head = "| nearest training sprite | pictures | 5 % | median | 95 % | nearer than 95 % of held-out ones |"
    return [head, "|---|---|---|---|---|---|", *lines]


def publish(folder: Path, report: str, findings: Findings, settings: dict[str, Any]) -> None:
    """Write the report as Markdown and JSON, and 100 pictures with their prompts."""
    rows = [
        {"name": row.name, "model": vars(row.made), "real": vars(row.real) if row.real else None}
        for row in findings.rows
    ]
    figures = {"settings": settings, "rows": rows, "distances": findings.distances}
    write_bytes(folder / "right_pictures.json", json.dumps(figures, indent=2, ensure_ascii=False).encode())
    write_bytes(folder / "right_pictures.md", f"{report}\n".encode())
    pictures, texts = zip(*findings.gallery, strict=True)
    write_bytes(folder / "contact_sheet.png", encode(contact_sheet(pictures, texts, 10), "png"))


if __name__ == "__main__":
    main()
