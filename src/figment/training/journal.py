"""What a run leaves to look at: figures line by line, and a loss curve."""

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from figment.core.files import write_bytes
from figment.pixels.curve import line_chart
from figment.pixels.files import encode

__all__ = ["Journal", "read_log"]

LOG = "log.jsonl"
BESIDE = frozenset({"stage", "step", "time", "warning"})
"""What a line holds besides figures."""


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Every line of the log of the run in `folder`; none where there is no log, and none that a crash cut off."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, dict) and {"stage", "step", "time"} <= values.keys():
            found.append(values)
    return found


class Journal:
    """Log of one stage; lines from beyond the step that a run resumes at are dropped."""

    def __init__(self, folder: Path, stage: str, step: int, *, writes: bool = True) -> None:
        self.folder, self.stage, self.writes = folder, stage, writes
        self._log = folder / LOG
        if writes:
            kept = [line for line in read_log(folder) if line["stage"] != stage or line["step"] <= step]
            write_bytes(self._log, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def write(self, step: int, figures: Mapping[str, float], warning: str = "") -> None:
        """Add the figures of one step, and what they say is going wrong."""
        if self.writes:
            line = {"stage": self.stage, "step": step, "time": round(time.time(), 1), **figures}
            if warning:
                line["warning"] = warning
            with self._log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")

    def draw(self) -> None:
        """Draw the loss curve so far, `STAGE-curve.png`."""
        series: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for line in read_log(self.folder):
            if line["stage"] == self.stage:
                for name in line.keys() - BESIDE:
                    series[name].append((line["step"], line[name]))
        if series:
            chart = line_chart(dict(sorted(series.items())), width=900, height=420, title=self.stage)
            write_bytes(self.folder / f"{self.stage}-curve.png", encode(chart, "png"))
