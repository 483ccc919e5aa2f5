"""A clip merged: its frames with the faces of another person put into them.

What is done is kept frame by frame in a `Session`, with what it was made from, so that a merge that was stopped goes on
and one that is repeated makes those frames alone that would come out otherwise. Making the clip of it is another step.
"""

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from figment.core.config import to_dict
from figment.core.errors import InputError
from figment.core.task import Progress, Task
from figment.faceswap.frames import images
from figment.faceswap.merge import Merged, MergeSettings, Mode, merged
from figment.faceswap.merge.drawing import GROUP, THREADS, Drawing, Drawn, Swapper
from figment.faceswap.merge.fit import Fit
from figment.faceswap.merge.footage import Finish, Footage, Frame, unchanged
from figment.faceswap.merge.session import Session
from figment.faceswap.workspace import Step, Workspace
from figment.pixels import files

__all__ = ["Merging", "merge"]


def merge(
    workspace: Workspace,
    swapper: Swapper,
    settings: Sequence[MergeSettings] | None = None,
    finish: Finish = unchanged,
) -> Task[int]:
    """Merge the clip dst of `workspace`; how many frames had to be made.

    `settings` of each frame replace those that were kept. Raises InputError where their number is another.
    """
    merging = Merging.of(workspace, swapper, finish)
    if settings is not None:
        merging.session.keep(settings)
    kept = merging.session.settings()
    said = hashlib.sha256("".join(map(_plain, kept)).encode()).hexdigest()
    workspace.begin(Step.MERGE, {"settings": said, "network": swapper.digest})
    made = yield from merging.run()
    swapped = sum(merging.swapped(number) for number in range(len(kept)))
    workspace.finish(Step.MERGE, {"frames": len(kept), "swapped": swapped})
    return made


class Merging:
    """The merge of a clip.

    Frames without a face, and those with the mode "original", are the clip's own and not kept a second time.
    """

    def __init__(self, footage: Footage, session: Session, swapper: Swapper, finish: Finish = unchanged) -> None:
        """Merge `footage`, whose faces `swapper` draws anew, with the settings that `session` keeps.

        Each frame goes through `finish` before anybody sees it, such as to be labelled.
        """
        self.footage, self.session, self.swapper, self.finish = footage, session, swapper, finish
        self._drawing = Drawing(footage, swapper)
        self._fit = Fit(footage, swapper)

    @classmethod
    def of(cls, workspace: Workspace, swapper: Swapper, finish: Finish = unchanged) -> "Merging":
        """The merge of the clip dst of `workspace`; what was merged of another clip is put away first."""
        side = workspace.dst
        footage = Footage(partial(images, side), side.count, side.faceset.faces())
        session = Session(workspace.merged, side.digest, side.count, workspace.put_away)
        return cls(footage, session, swapper, finish)

    def frame(self, number: int) -> Merged:
        """Frame `number`, made and kept where it is not yet."""
        settings = self.session.settings()[number]
        key = self._key(number, settings)
        if key and self.session.made().get(number) == key:
            return self.session.load(number)
        start = number // GROUP * GROUP
        drawn = self._drawing.group(start)[number - start]
        if not key:
            return self._merged(number, drawn)
        self.session.forget([number])
        result = self._written(number, drawn)
        self.session.note({number: key})
        return result

    def run(self, first: int = 0) -> Task[int]:
        """Make the frames from `first` on that are not made yet; how many there were."""
        lacking = self._lacking(first)
        total = self.footage.count - first
        yield Progress(0, total, "merging")
        fits = any(self._is_fitted(self.session.settings()[number]) for number in lacking)
        with ThreadPoolExecutor(THREADS) as pool:
            if fits:
                self._fit.field(pool.map)  # before several threads ask for it
            for start, group in self._groups(sorted({number // GROUP * GROUP for number in lacking}), pool):
                numbers = [number for number in range(start, start + GROUP) if number in lacking]
                self.session.forget(numbers)
                results = list(pool.map(self._written, numbers, (group[number - start] for number in numbers)))
                self.session.note({number: lacking[number] for number in numbers})
                yield Progress(numbers[-1] + 1 - first, total, "merging", preview=results[-1].frame)
        return len(lacking)

    def frames(self) -> Iterator[Frame]:
        """All frames in turn, as `run` made them or as the clip has them. Raises InputError where some are not made."""
        self._check_made()
        for number, frame in enumerate(self.footage.frames(0)):
            yield files.load(self.session.file(number)) if self.swapped(number) else self.finish(frame)

    def masks(self) -> Iterator[NDArray[np.uint8]]:
        """(H, W) for each frame in turn: how far a pixel shows a swapped face. Raises InputError as `frames` does."""
        self._check_made()
        nowhere = np.zeros(next(self.footage.frames(0)).shape[:2], np.uint8)
        for number in range(self.footage.count):
            yield files.load(self.session.mask_file(number), "L") if self.swapped(number) else nowhere

    def _check_made(self) -> None:
        lacking = self._lacking(0)
        if lacking:
            raise InputError(f"Frame {min(lacking)} is not merged yet; merge the clip to its end first.")

    def swapped(self, number: int) -> bool:
        """Whether frame `number` is other than the clip's own."""
        return bool(self._key(number, self.session.settings()[number]))

    def _groups(self, starts: Sequence[int], pool: Executor) -> Iterator[tuple[int, list[Drawn]]]:
        """The groups that begin at `starts`; while one is used, the next are drawn in `pool`, one a thread."""
        coming = deque[tuple[int, Future[list[Drawn]]]]()
        for start in starts:
            coming.append((start, pool.submit(self._drawing.draw, start, self._drawing.read(start))))
            if len(coming) > THREADS:
                yield _taken(coming)
        while coming:
            yield _taken(coming)

    def _lacking(self, first: int) -> dict[int, str]:
        """The frames from `first` on that are not made yet, and what they are to be made from."""
        made = self.session.made()
        keys = {number: self._key(number, each) for number, each in enumerate(self.session.settings())}
        return {number: key for number, key in keys.items() if number >= first and key and made.get(number) != key}

    def _key(self, number: int, settings: MergeSettings) -> str:
        """Digest of all that decides how frame `number` comes out, the clip apart; empty for one that is copied."""
        faces = self.footage.faces(number)
        if not faces or settings.mode is Mode.ORIGINAL:
            return ""
        way = self.footage.way(number) if settings.motion_blur else (0, 0)
        fit = self._fit.key if self._is_fitted(settings) else ""
        said = [_plain(settings), self.swapper.digest, self.swapper.size, str(self.swapper.face_type), way, fit]
        points = b"".join(np.asarray(face.source_landmarks, "<f4").tobytes() for face in faces)
        return hashlib.sha256(json.dumps(said).encode() + points).hexdigest()

    def _written(self, number: int, drawn: Drawn) -> Merged:
        result = self._merged(number, drawn)
        self.session.write(number, result)
        return result

    def _merged(self, number: int, drawn: Drawn) -> Merged:
        settings, way = self.session.settings()[number], self.footage.way(number)
        faces = drawn.faces
        if self._is_fitted(settings):
            faces = [self._fit.of(face, settings.fit) for face in faces]
        result = merged(drawn.frame, faces, settings, way, self.swapper.enlarge)
        return result._replace(frame=self.finish(result.frame))

    def _is_fitted(self, settings: MergeSettings) -> bool:
        return self._fit.possible and settings.fit > 0 and settings.mode is not Mode.RAW_PREDICT


def _taken(coming: deque[tuple[int, Future[list[Drawn]]]]) -> tuple[int, list[Drawn]]:
    start, group = coming.popleft()
    return start, group.result()


@lru_cache
def _plain(settings: MergeSettings) -> str:
    return json.dumps(to_dict(settings))
