"""Two ways to a text encoder of the same size: distilled over word lists, or trained like CLIP on captions alone.

    python benchmarks/text_encoders.py --words DATA/words --sprites DATA/sprites [--steps 1500] [--batch 768]

Both read the same vocabulary and see the same number of texts; neither sees the held-out tags. Prints, for each and for
the teacher as the ceiling, how often the right concept is nearest (top 1) and among the five nearest (top 5):
  paraphrases   60 words that no label, tag or caption template holds (paraphrases.json)
  held-out tags tags that were kept from training, to a concept that has them
  en to ko      English labels to the Korean label of the same concept, and back
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from figment.core.task import finish
from figment.data.sprite_pack import Concept, SpritePack
from figment.data.sprite_sets import Scenes, single_sprites
from figment.data.word_vectors import align
from figment.data.words import Words, embed, open_words
from figment.nn.text_encoder import TextEncoder, TextEncoderConfig, distillation_loss
from figment.nn.tokenizer import Tokenizer, normalise

Encode = Callable[[Sequence[str]], Tensor]
Question = tuple[str, set[int]]
"""A text and the concepts that answer it."""

TOKENIZER = Tokenizer.packaged()
PARAPHRASES = Path(__file__).with_name("paraphrases.json")
HELD_OUT_TAGS = 300


def paraphrases(concepts: Sequence[Concept]) -> dict[str, list[Question]]:
    """The questions of paraphrases.json, by language."""
    numbers = {concept.id: number for number, concept in enumerate(concepts)}
    questions: dict[str, list[Question]] = {"en": [], "ko": []}
    for entry in json.loads(PARAPHRASES.read_text(encoding="utf-8")):
        answers = {numbers[identity] for identity in entry["concepts"] if identity in numbers}
        questions[entry["language"]].append((normalise(entry["text"]), answers))
    return questions


def held_out_tags(concepts: Sequence[Concept]) -> list[Question]:
    """Tags of one or two concepts that are part of no label; the same ones every time."""
    owners: dict[str, set[int]] = {}
    for number, concept in enumerate(concepts):
        for tag in (*concept.tags_en, *concept.tags_ko):
            owners.setdefault(normalise(tag), set()).add(number)
    labels = " | ".join(f"{normalise(concept.label_en)} | {normalise(concept.label_ko)}" for concept in concepts)
    rare = sorted(tag for tag, numbers in owners.items() if len(numbers) <= 2 and tag not in labels)
    chosen = np.random.default_rng(0).permutation(len(rare))[:HELD_OUT_TAGS]
    return [(rare[number], owners[rare[number]]) for number in chosen]


def distilled(words: Words, hidden: set[str], steps: int, batch: int) -> TextEncoder:
    """An encoder that learns the teacher's vectors of all `words` but the `hidden` ones."""
    kept = [number for number, text in enumerate(words.texts) if text not in hidden]
    seen = Words([words.texts[number] for number in kept], words.vectors[kept])
    encoder = fresh()
    encoder.start_from(*TOKENIZER.pack(seen.texts), torch.from_numpy(seen.vectors.astype(np.float32)))

    def losses() -> Iterator[Tensor]:
        for step in range(steps):
            drawn = seen.batch(step, batch)
            assert drawn.texts is not None
            assert drawn.vectors is not None
            yield distillation_loss(encoder(*TOKENIZER.pack(drawn.texts)).pooled, drawn.vectors)

    descend(list(encoder.parameters()), losses(), steps)
    return encoder


def contrastive(scenes: Scenes, hidden: set[str], steps: int, batch: int) -> TextEncoder:
    """An encoder that learns to tell whose caption it reads: the text half of CLIP, with one free vector a concept."""
    encoder = fresh()
    concepts = nn.Embedding(len(scenes.pack.concepts), encoder.config.output)
    texts = captions(scenes, hidden)

    def losses() -> Iterator[Tensor]:
        for _ in range(steps):
            pairs = [next(texts) for _ in range(batch)]
            pooled = encoder(*TOKENIZER.pack([text for text, _ in pairs])).pooled
            similarity = pooled @ normalize(concepts.weight, dim=1).T
            yield cross_entropy(similarity / 0.05, torch.tensor([number for _, number in pairs]))

    descend([*encoder.parameters(), *concepts.parameters()], losses(), steps)
    return encoder


def captions(scenes: Scenes, hidden: set[str]) -> Iterator[tuple[str, int]]:
    """Captions of single sprites with their concepts, less those that say a hidden tag."""
    number = 0
    while True:
        scene = scenes.scene(number)
        text = normalise(scenes.text(scene, number))
        if hidden.isdisjoint(part.strip() for part in text.replace(" on ", ",").split(",")):
            yield text, scene.objects[0].concept
        number += 1


def fresh() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(TextEncoderConfig(vocabulary=TOKENIZER.size))


def descend(parameters: list[nn.Parameter], losses: Iterator[Tensor], steps: int) -> None:
    """AdamW over `losses`, in bfloat16 where the processor multiplies it faster."""
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps, pct_start=0.07)
    while True:
        with torch.autocast("cpu", torch.bfloat16):
            loss = next(losses, None)
        if loss is None:
            return
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation here
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()


def reader(encoder: TextEncoder) -> Encode:
    """What `encoder` makes of texts, 256 at a time."""

    @torch.no_grad()
    def encode(texts: Sequence[str]) -> Tensor:
        return torch.cat(
            [encoder(*TOKENIZER.pack(texts[start : start + 256])).pooled for start in range(0, len(texts), 256)]
        )

    return encode


def teacher(words: Words, concepts: Sequence[Concept], extra: Sequence[str], folder: Path) -> Encode:
    """The aligned teacher itself, over `words` and `extra` texts; `folder` has the shards of the build."""
    texts = list(dict.fromkeys([*words.texts, *extra]))
    vectors = torch.from_numpy(align(texts, finish(embed(texts, folder)), concepts))
    rows = {text: row for row, text in enumerate(texts)}
    return lambda some: vectors[[rows[text] for text in some]]


def hits(encode: Encode, questions: Sequence[Question], concepts: Sequence[Concept]) -> tuple[float, float]:
    """Shares of `questions` with an answer nearest, and among the five nearest, by the better of the two labels."""
    asked = encode([text for text, _ in questions])
    similarity = torch.maximum(asked @ encode(labels(concepts, "en")).T, asked @ encode(labels(concepts, "ko")).T)
    nearest = similarity.topk(5, dim=1).indices.tolist()
    first = [row[0] in answers for row, (_, answers) in zip(nearest, questions, strict=True)]
    five = [not answers.isdisjoint(row) for row, (_, answers) in zip(nearest, questions, strict=True)]
    return sum(first) / len(first), sum(five) / len(five)


def translated(encode: Encode, concepts: Sequence[Concept], source: str, target: str) -> tuple[float, float]:
    """Shares of labels with their own label in the other language nearest, and among the five nearest."""
    similarity = encode(labels(concepts, source)) @ encode(labels(concepts, target)).T
    better = (similarity > similarity.diagonal()[:, None] + 1e-6).sum(dim=1)
    return float((better < 1).float().mean()), float((better < 5).float().mean())


def labels(concepts: Sequence[Concept], language: str) -> list[str]:
    return [normalise(concept.label_en if language == "en" else concept.label_ko) for concept in concepts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--sprites", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=768)
    options = parser.parse_args()
    pack, words = SpritePack.open(options.sprites), open_words(options.words)
    concepts = [concept for concept in pack.concepts if concept.label_ko]
    said, tags = paraphrases(concepts), held_out_tags(concepts)
    hidden = {text for text, _ in tags}
    asked = [text for questions in said.values() for text, _ in questions]
    scenes = single_sprites(pack, 32)
    encoders = {
        "teacher": teacher(words, concepts, asked, options.words / "shards"),
        "distilled": reader(distilled(words, hidden, options.steps, options.batch)),
        "contrastive": reader(contrastive(scenes, hidden, options.steps, options.batch)),
    }
    print(f"{'top 1 / top 5, %':18}" + "".join(f"{name:>16}" for name in encoders))
    rows: dict[str, Callable[[Encode], tuple[float, float]]] = {
        "paraphrases en": lambda encode: hits(encode, said["en"], concepts),
        "paraphrases ko": lambda encode: hits(encode, said["ko"], concepts),
        "held-out tags": lambda encode: hits(encode, tags, concepts),
        "en to ko": lambda encode: translated(encode, concepts, "en", "ko"),
        "ko to en": lambda encode: translated(encode, concepts, "ko", "en"),
    }
    for title, measure in rows.items():
        shares = [measure(encode) for encode in encoders.values()]
        print(f"{title:18}" + "".join(f"{100 * first:9.1f} /{100 * five:5.1f}" for first, five in shares), flush=True)


if __name__ == "__main__":
    main()
