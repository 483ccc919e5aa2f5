"""Build the sprite pack: about 17,500 captioned pictures in five styles."""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from figment.core.errors import DataError
from figment.core.files import write_atomically, write_bytes
from figment.core.task import Progress, Task
from figment.data.npm import fetch
from figment.data.sprite_collection import Collection, Glyph, collect
from figment.data.sprite_pack import IMAGES, INDEX, MANIFEST
from figment.data.sprite_raster import ENCODING, rasterise_all
from figment.data.sprite_sources import NAMES, sprite_sources

__all__ = ["build", "is_held_out", "write_pack"]

DOWNLOADS = "downloads"
SHARD = 250
"""Sprites in one shard; a killed build loses at most the shards that were under way."""
HELD_OUT = 0.05
"""Share of the (concept, style) pairs that training never sees."""
WORKERS = 2


def build(root: Path, *, size: int = 128, share_alike: bool = False) -> Task[Path]:
    """Fetch the emoji packages with npm and build the pack of `size`-pixel sprites in `root`; returns `root`.

    `share_alike` adds OpenMoji, whose licence asks that what is made of it be shared alike. A killed build goes on
    where it was; a finished one is left as it is. Raises DataError when a package cannot be fetched.
    """
    sources = sprite_sources(share_alike)
    fingerprint = _fingerprint([size, ENCODING, NAMES.sha512, *(source.package.sha512 for source in sources)])
    if _finished(root, fingerprint):
        return root
    archives = []
    for number, package in enumerate([NAMES, *(source.package for source in sources)]):
        yield Progress(number, len(sources) + 1, f"fetch {package.name}")
        archives.append(fetch(package, root / DOWNLOADS))
    collection = collect(archives[0], dict(zip(sources, archives[1:], strict=True)))
    return (yield from write_pack(root, collection, size=size, fingerprint=fingerprint))


def write_pack(
    root: Path, collection: Collection, *, size: int, fingerprint: str = "", workers: int = WORKERS
) -> Task[Path]:
    """Rasterise a collection into the pack in `root`, shard by shard; returns `root`.

    `fingerprint` names everything the pack depends on: shards of another one are not taken over.
    """
    folder = root / f"shards-{fingerprint or 'plain'}"
    shards = list(_shards(folder, collection.glyphs))
    yield from _rasterise(shards, size, workers)
    yield Progress(len(shards), len(shards), "join the shards")
    lengths = _join(root / IMAGES, shards)
    manifest = {"sources": [asdict(source) for source in collection.sources], "sprites": len(lengths), "size": size}
    write_bytes(root / MANIFEST, _json(manifest))
    write_bytes(root / INDEX, _json({"fingerprint": fingerprint, **_index(collection, size, lengths)}))
    shutil.rmtree(folder)
    return root


def is_held_out(concept: str, style: str) -> bool:
    """Whether a (concept id, style) pair is kept from training; the same on every computer."""
    digest = hashlib.sha256(f"{concept} {style}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < HELD_OUT * 2**64


@dataclass(frozen=True)
class _Shard:
    """A run of sprites, kept as one file: a line of JSON with their lengths, then their bytes."""

    path: Path
    arts: list[bytes]

    def write(self, pictures: Sequence[bytes]) -> None:
        header = json.dumps([len(picture) for picture in pictures]).encode()
        write_bytes(self.path, header + b"\n" + b"".join(pictures))

    def read(self) -> tuple[list[int], bytes]:
        header, _, data = self.path.read_bytes().partition(b"\n")
        lengths: list[int] = json.loads(header)
        return lengths, data


def _shards(folder: Path, glyphs: Sequence[Glyph]) -> Iterator[_Shard]:
    for number, start in enumerate(range(0, len(glyphs), SHARD)):
        yield _Shard(folder / f"{number:04d}.bin", [glyph.art for glyph in glyphs[start : start + SHARD]])


def _rasterise(shards: Sequence[_Shard], size: int, workers: int) -> Task[None]:
    missing = [shard for shard in shards if not shard.path.is_file()]
    if not missing:
        return
    # Fresh processes: forking one that has run tensors on many threads can hang.
    spawn = get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(missing)), mp_context=spawn, initializer=_end_with_parent)
    try:
        running: dict[Future[list[bytes]], _Shard] = {
            pool.submit(rasterise_all, shard.arts, size): shard for shard in missing
        }
        for done, future in enumerate(as_completed(running), len(shards) - len(missing)):
            running[future].write(future.result())
            yield Progress(done + 1, len(shards), "draw sprites")
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let this worker end when the build is killed; it would wait for work for ever."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _join(path: Path, shards: Sequence[_Shard]) -> list[int]:
    """Write all sprites into one file; returns their lengths."""
    lengths: list[int] = []

    def write(part: Path) -> None:
        with part.open("wb") as file:
            for shard in shards:
                some, data = shard.read()
                lengths.extend(some)
                file.write(data)

    write_atomically(path, write)
    return lengths


def _index(collection: Collection, size: int, lengths: Sequence[int]) -> dict[str, Any]:
    styles = list(dict.fromkeys(glyph.style for glyph in collection.glyphs))
    sprites, offset = [], 0
    for glyph, length in zip(collection.glyphs, lengths, strict=True):
        held_out = is_held_out(collection.concepts[glyph.concept].id, glyph.style)
        sprites.append([glyph.concept, styles.index(glyph.style), glyph.tone, int(held_out), offset, length])
        offset += length
    concepts = [asdict(concept) for concept in collection.concepts]
    return {"size": size, "styles": styles, "concepts": concepts, "sprites": sprites}


def _finished(root: Path, fingerprint: str) -> bool:
    path = root / INDEX
    if not path.is_file() or not (root / IMAGES).is_file():
        return False
    try:
        made_by = json.loads(path.read_text(encoding="utf-8"))["fingerprint"]
    except (ValueError, KeyError) as error:
        raise DataError(f"{path} is damaged ({error}); delete it and build again.") from error
    return bool(made_by == fingerprint)


def _fingerprint(parts: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
