"""The options of AUTOMATIC1111 that clients read, set and send back whole: those that mean something here, per user."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from figment.core.config import explain
from figment.core.errors import InputError
from figment.core.files import write_bytes
from figment.pixels.files import Format
from figment.server.models import Model, default, find
from figment.studio.drop_in import What
from figment.studio.drop_in import find as dropped_in
from figment.studio.jobs.places import state_of

__all__ = ["Preferences", "Values", "changed"]

UNSET = ("", "Automatic", "None")


class Values(BaseModel):
    """Options by AUTOMATIC1111's names; others are taken and passed over."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    sd_model_checkpoint: Annotated[str, Field(max_length=300)] | None = None
    sd_vae: Annotated[str, Field(max_length=300)] | None = "Automatic"
    CLIP_stop_at_last_layers: Annotated[int, Field(ge=1, le=12)] = 1
    randn_source: Literal["GPU", "CPU", "NV"] = "NV"
    eta_noise_seed_delta: Annotated[int, Field(ge=0, lt=2**32)] = 0
    s_min_uncond: Annotated[float, Field(ge=0, le=15)] = 0.0
    inpainting_mask_weight: Annotated[float, Field(ge=0, le=1)] = 1.0
    eta_ancestral: Annotated[float, Field(ge=0, le=2)] = 1.0
    eta_ddim: Annotated[float, Field(ge=0, le=2)] = 0.0
    samples_format: Literal["png", "jpg", "jpeg", "webp"] = "png"

    def model(self, root: Path) -> Model:
        """The model that is chosen. Raises InputError where it is gone."""
        return find(self.sd_model_checkpoint, root) if self.sd_model_checkpoint else default(root)

    @property
    def format(self) -> Format:
        """Of the files that jobs write."""
        return "jpeg" if self.samples_format == "jpg" else self.samples_format

    @property
    def vae(self) -> str | None:
        return None if self.sd_vae is None or self.sd_vae in UNSET else self.sd_vae


def changed(values: Values, changes: Mapping[str, Any], root: Path) -> Values:
    """`values` with `changes`. Raises InputError for a value that cannot be, and for a model that is not there."""
    try:
        made = Values.model_validate(values.model_dump() | dict(changes))
    except ValidationError as error:
        raise InputError(explain(error)) from None
    if changes.get("sd_model_checkpoint"):
        made.model(root)
    if "sd_vae" in changes and made.vae is not None:
        dropped_in(What.VAE, made.vae, root)
    return made


@dataclass(frozen=True)
class Preferences:
    """What one user has set."""

    root: Path
    user: str

    @property
    def _path(self) -> Path:
        return state_of(self.root) / "a1111" / f"{self.user}.json"

    def read(self) -> Values:
        """The values as they are; the defaults where none were set."""
        try:
            return Values.model_validate(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return Values()

    def set(self, changes: Mapping[str, Any]) -> Values:
        """Set and keep them. Raises InputError."""
        made = changed(self.read(), changes, self.root)
        write_bytes(self._path, made.model_dump_json().encode())
        return made
