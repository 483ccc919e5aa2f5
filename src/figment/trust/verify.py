"""What can be known of where a picture or clip comes from, strongest evidence first.

Valid credentials say most, since they are signed; a watermark says less; plain metadata says what anybody could have
written. Where nothing is found, nothing is known: pictures lose all three in ordinary use.
"""

import io
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from figment.pixels.errors import PixelError
from figment.pixels.files import MAX_BYTES, load
from figment.trust.containers import Container, container_of, picture_data
from figment.trust.credentials import NO_CREDENTIALS, Manifest, read_credentials
from figment.trust.findings import Detector, Report, Verdict, WatermarkFinding
from figment.trust.keys import anchors
from figment.trust.metadata import Found, read_any
from figment.trust.own_mark import own_watermark
from figment.trust.sign import MIME, sidecar_of
from figment.trust.wording import headline, reasons

__all__ = ["inspect", "some_frames"]

MOST_SIDECAR_BYTES = 16 << 20
MOST_FRAMES, FRAME_STRIDE = 16, 10
MOST_CLIP_BYTES = 256 << 20
"""Memory for the frames of a clip in which the watermark is looked for."""


def inspect(path: Path, *, trusted: bytes | None = None, detector: Detector | None = None) -> Report:
    """Everything known about the file `path`, trusting the roots `trusted` (PEM), by default this installation's.

    Raises PixelError when the file cannot be read, or is damaged and carries no credentials that would say so.
    """
    container = container_of_file(path)
    roots = anchors() if trusted is None else trusted
    is_clip = container in ("mp4", "webm")
    encoded = b"" if is_clip else _read(path, MAX_BYTES)
    if is_clip:
        credentials = _of_clip(path, container, roots)
    else:
        credentials = read_credentials(io.BytesIO(encoded), MIME[container], roots)
    watermark = _watermark(path, container, detector or own_watermark(), damage_is_known=credentials.state == "invalid")
    return _report(path, container, credentials, watermark, encoded)


def container_of_file(path: Path) -> Container:
    """What kind of file `path` is, by its content. Raises PixelError where that cannot be told."""
    try:
        with path.open("rb") as file:
            return container_of(file.read(64))
    except FileNotFoundError:
        raise PixelError(f"There is no file {path}.") from None
    except OSError as error:
        raise PixelError(f"Cannot read {path}: {error.strerror}.") from error
    except PixelError as error:
        raise PixelError(f"Cannot examine {path}: {error}") from None


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise PixelError(f"{path} is too large; at most {most >> 20} MiB of it can be read.")
    return content


def _of_clip(path: Path, container: Container, roots: bytes) -> Manifest:
    manifest = None
    if container == "webm":
        sidecar = sidecar_of(path)
        if not sidecar.is_file():
            return NO_CREDENTIALS
        manifest = _read(sidecar, MOST_SIDECAR_BYTES)
    with path.open("rb") as clip:
        return read_credentials(clip, MIME[container], roots, manifest)


def _watermark(path: Path, container: Container, detector: Detector, *, damage_is_known: bool) -> WatermarkFinding:
    if container == "gif":
        return WatermarkFinding("it is not looked for in GIF pictures")
    try:
        if container in ("mp4", "webm"):
            mark = detector.detect_frames(some_frames(path))
        else:
            mark = detector.detect(load(path))
    except PixelError:
        if damage_is_known:
            return WatermarkFinding("the file is too damaged to be decoded")
        raise
    payload = "" if mark.payload is None else f"{mark.payload:016x}"
    return WatermarkFinding("", mark.present, mark.score, payload, mark.false_positive_rate)


def some_frames(path: Path) -> list[NDArray[np.uint8]]:
    """Every tenth frame from the beginning of a clip, as many as `MOST_CLIP_BYTES` hold, at most `MOST_FRAMES`."""
    from figment.pixels.clips import frames  # FFmpeg is loaded for clips alone

    chosen: list[NDArray[np.uint8]] = []
    for frame in islice(frames(path), 0, None, FRAME_STRIDE):
        chosen.append(frame)
        if len(chosen) == MOST_FRAMES or (len(chosen) + 1) * frame.nbytes > MOST_CLIP_BYTES:
            break
    return chosen


def _report(
    path: Path, container: Container, credentials: Manifest, watermark: WatermarkFinding, encoded: bytes
) -> Report:
    metadata = read_any(encoded, container)
    verdict = _verdict(credentials, watermark, metadata)
    detail = _what_was_done(credentials, watermark, encoded, container) if verdict == "altered" else ""
    said = tuple(reasons(credentials, watermark, metadata, detail))
    sentence = headline(verdict, credentials, watermark, metadata)
    return Report(path, container, verdict, sentence, said, credentials, watermark, metadata)


def _verdict(credentials: Manifest, watermark: WatermarkFinding, metadata: Found) -> Verdict:
    if credentials.state == "invalid":
        return "altered"
    if credentials.state != "none":
        if any(ancestor.state == "invalid" for ancestor in credentials.ancestors()):
            return "altered input"
        return "signed" if credentials.state == "trusted" else "foreign"
    if watermark.present:
        return "marked"
    return "claimed" if metadata else "nothing"


def _what_was_done(credentials: Manifest, watermark: WatermarkFinding, encoded: bytes, container: Container) -> str:
    """How the file differs from what was signed, so far as its own credentials, if they are whole, let us tell."""
    if not credentials.codes or any(not code.endswith("Hash.mismatch") for code in credentials.codes):
        return ""
    digest = credentials.facts.get("picture", {}).get("data_sha256")
    if digest is None:
        return ""
    if digest == picture_data(encoded, container):
        return "the picture itself is the one that was signed; something around it was added or changed"
    signed_mark = credentials.facts.get("watermark", {}).get("payload", "")
    if not signed_mark or watermark.not_examined:
        return "the picture was altered, or the credentials were taken from another one"
    if watermark.payload == signed_mark:
        return "the picture was altered; its watermark is still the one that was signed"
    if watermark.payload:
        return "the watermark is that of another picture: the credentials were taken from elsewhere"
    return "the watermark that was signed is not in it: it was altered much, or the credentials are of another picture"
