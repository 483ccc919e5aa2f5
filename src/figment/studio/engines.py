"""The engine of a Stable Diffusion checkpoint, with the autoencoder, LoRAs and embeddings that are laid over it."""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figment.core.errors import InputError
from figment.diffusion import embeddings as inversions
from figment.diffusion import lora as loras
from figment.diffusion import sidecars
from figment.diffusion.checkpoints import open_autoencoder, open_checkpoint
from figment.diffusion.devices import Backend, best, give_back
from figment.diffusion.engine import Engine, Networks
from figment.diffusion.fingerprints import fingerprint, tensors_fingerprint
from figment.diffusion.options import Options
from figment.diffusion.prompt import Network
from figment.nn.shared_calls import SharedCalls
from figment.studio.drop_in import Dropped, What, dropped, find

__all__ = ["Laid", "Loaded", "engine_of", "laid_over", "ready", "resident"]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model, what was laid over it, and what those files are called in a picture's settings."""

    engine: Engine
    lora_hashes: Mapping[str, str]
    embedding_hashes: Mapping[str, str]
    vae: Dropped | None


@dataclass(frozen=True)
class Laid:
    """A checkpoint and what is to be laid over it, by their files."""

    checkpoint: Dropped
    vae: Dropped | None
    loras: tuple[tuple[Dropped, float, float], ...]
    """With their weights in the text encoders and in the UNet."""
    embeddings: tuple[Dropped, ...]
    how: tuple[bool, int, bool]
    """Tiling, steps that share features, eight bits."""

    @property
    def key(self) -> tuple[Any, ...]:
        """All that makes an engine another one."""
        beside = [self.vae] if self.vae else []
        files = [one.path for one in (self.checkpoint, *beside, *self.embeddings, *(one for one, _, _ in self.loras))]
        stamps = tuple((str(path.resolve()), path.stat().st_mtime_ns) for path in files)
        weights = tuple((text, unet) for _, text, unet in self.loras)
        return (stamps, len(self.embeddings), self.vae is None, weights, *self.how)


_resident: dict[tuple[Any, ...], Loaded] = {}
"""The last model used. Another one takes its place, so that memory holds one."""
_LOADING = threading.Lock()


def engine_of(
    found: Dropped,
    options: Options,
    tags: Sequence[Network] = (),
    words: str = "",
    root: Path = Path(),
    backend: Callable[[], Backend] = best,
) -> Loaded:
    """The checkpoint with the autoencoder that `options` name, the LoRAs of `tags` and the embeddings of `words`.

    Raises InputError for a name that is not found, CheckpointError for a file that does not fit.
    """
    return ready(laid_over(found, options, tags, words, root), backend)


def laid_over(found: Dropped, options: Options, tags: Sequence[Network], words: str, root: Path) -> Laid:
    """The files that make an engine; see `engine_of`. Raises InputError for a name that is not found."""
    mentioned = tuple(one for one in dropped(What.EMBEDDING, root) if _stands_in(one.stem, words))
    vae = None if options.vae is None else _vae(options.vae, root)
    how = (options.tiling, options.keep_features, options.eight_bit)
    return Laid(found, vae, tuple(_loras(tags, root)), mentioned, how)


def resident(key: tuple[Any, ...]) -> Engine | None:
    """The engine of `Laid.key`, where it is in memory."""
    loaded = _resident.get(key)
    return None if loaded is None else loaded.engine


def ready(laid: Laid, backend: Callable[[], Backend] = best, *, together: bool = False) -> Loaded:
    """The engine of `laid`; with `together` it is made ready for several threads. Raises CheckpointError."""
    with _LOADING:  # of threads that come at once the first loads it
        key = laid.key
        if key not in _resident:
            _resident.clear()
            give_back()
            _resident[key] = _loaded(laid, backend())
        loaded = _resident[key]
        if together and loaded.engine.keep == 1 and loaded.engine.shared is None:
            loaded.engine.shared = SharedCalls(device=loaded.engine.backend.device.type)
        return loaded


def _loaded(laid: Laid, backend: Backend) -> Loaded:
    checkpoint = open_checkpoint(laid.checkpoint.path)
    over = [(loras.read(one.path), text, unet) for one, text, unet in laid.loras]
    for lora, _, _ in over:
        loras.check(lora, checkpoint.parts, checkpoint.kind.base)
    words = [inversions.read(one.path) for one in laid.embeddings]
    words += [word for lora, _, _ in over for word in lora.embeddings]
    for word in words:
        inversions.check(word, checkpoint.kind)
    vae = None if laid.vae is None else open_autoencoder(laid.vae.path)
    tiling, keep, eight_bit = laid.how
    engine = Engine(
        Networks(checkpoint, vae, tuple(over), tuple(words)), backend, tiling=tiling, keep=keep, eight_bit=eight_bit
    )
    lora_hashes = {one.stem: tensors_fingerprint(one.path)[:12] for one, _, _ in laid.loras}
    return Loaded(engine, lora_hashes, {one.stem: fingerprint(one.path)[:12] for one in laid.embeddings}, laid.vae)


def _stands_in(name: str, words: str) -> bool:
    """Whether `name` stands in `words` apart from other letters and digits."""
    return re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", words, re.IGNORECASE) is not None


def _loras(tags: Sequence[Network], root: Path) -> list[tuple[Dropped, float, float]]:
    """LoRAs with their weights in the text encoders and in the UNet; those named twice count twice."""
    found: dict[Path, tuple[Dropped, float, float]] = {}
    for tag in tags:
        if tag.kind.lower() not in ("lora", "lyco"):
            raise InputError(f"<{tag.kind}:{tag.name}> is not supported; there is <lora:name:weight>.")
        one = find(What.LORA, tag.name, root)
        text, unet = _weights(tag, one)
        _, before, under = found.get(one.path, (one, 0.0, 0.0))
        found[one.path] = (one, before + text, under + unet)
    return list(found.values())


def _weights(tag: Network, one: Dropped) -> tuple[float, float]:
    """Of <lora:name:both>, <lora:name:text:unet> or <lora:name:te=text:unet=unet>; the file's own without any."""
    given = [argument.partition("=") for argument in tag.arguments]
    plain = [value for value, sign, _ in given if not sign]
    named = {name.strip().lower(): value for name, sign, value in given if sign}
    unknown = set(named) - {"te", "unet"}
    try:
        own = sidecars.read(one.path).weight or 1.0
        text = float(named.get("te", plain[0] if plain else own))
        unet = float(named.get("unet", plain[1] if len(plain) > 1 else text))
    except ValueError:
        unknown = unknown or {":".join(tag.arguments)}
    if unknown:
        raise InputError(f"<lora:{tag.name}> takes a weight such as 0.8, or te=0.5:unet=0.8, not '{unknown.pop()}'.")
    return text, unet


def _vae(name: str, root: Path) -> Dropped:
    path = Path(name)
    return Dropped(path.stem, path) if path.is_file() else find(What.VAE, name, root)
