"""The watermark of this installation, drawn once for as long as the program runs."""

from functools import lru_cache
from pathlib import Path

from figment.trust.home import figment_home
from figment.trust.watermark import Watermark

__all__ = ["own_watermark"]


def own_watermark() -> Watermark:
    """The watermark whose key lies in the folder of this installation; made when there is none."""
    return _drawn(figment_home())


@lru_cache(maxsize=2)
def _drawn(home: Path) -> Watermark:
    return Watermark.default(home)
