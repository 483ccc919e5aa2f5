"""What was done to make a picture, in the words of C2PA: actions, and the IPTC code of where the pixels come from.

C2PA Technical Specification 2.2, section 18.15 (actions); IPTC NewsCodes, "Digital Source Type". The signing library
accepts any text for a source type, so the codes that Figment may write stand here and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from figment.core.errors import InputError

__all__ = ["LABELS", "Ingredient", "Label", "Operation", "Provenance", "SourceType"]


class SourceType(StrEnum):
    """IPTC codes that Figment writes."""

    TRAINED_ALGORITHMIC_MEDIA = "trainedAlgorithmicMedia"
    """Made by a trained model."""
    COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA = "compositeWithTrainedAlgorithmicMedia"
    """Changed in part by a trained model."""
    ALGORITHMIC_MEDIA = "algorithmicMedia"
    """Drawn by a formula or program that learned nothing."""
    COMPOSITE = "composite"
    """Put together from other pictures."""
    HUMAN_EDITS = "humanEdits"
    """Changed by a person with tools that make up nothing."""

    @property
    def uri(self) -> str:
        """The code as C2PA and IPTC metadata write it."""
        return f"http://cv.iptc.org/newscodes/digitalsourcetype/{self.value}"


class Operation(StrEnum):
    """What Figment did."""

    CREATE = "create"
    """Pictures from a model alone: from text, or samples."""
    EDIT = "edit"
    """A picture partly made anew by a model: image to image, inpainting, reconstruction."""
    SWAP = "swap"
    """A face placed into a picture or clip."""
    COMPOSE = "compose"
    """Existing pictures arranged on one sheet."""
    DRAW = "draw"
    """A chart or figure drawn from numbers."""
    COLOUR = "colour"
    """Colours of a picture changed."""
    CROP = "crop"
    """A part of a picture."""
    RESIZE = "resize"
    """A picture in another size, by resampling."""


@dataclass(frozen=True)
class Label:
    """How one operation is written down."""

    actions: tuple[str, ...]
    """C2PA actions after the first one; the first is c2pa.opened where there is a parent, else c2pa.created."""
    source_types: tuple[SourceType, ...]
    """Codes that are true of it; the first is the default."""
    has_parent: bool
    """Whether its first input is the picture that was opened, rather than a part that was placed."""


_TRAINED = SourceType.TRAINED_ALGORITHMIC_MEDIA
_MIXED = SourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA
_BY_PROGRAM = (SourceType.ALGORITHMIC_MEDIA, SourceType.HUMAN_EDITS)

LABELS: Mapping[Operation, Label] = {
    Operation.CREATE: Label((), (_TRAINED,), has_parent=False),
    Operation.EDIT: Label(("c2pa.edited",), (_MIXED, _TRAINED), has_parent=True),
    Operation.SWAP: Label(("c2pa.placed", "c2pa.edited"), (_MIXED,), has_parent=True),
    Operation.COMPOSE: Label((), (SourceType.COMPOSITE, _MIXED), has_parent=False),
    Operation.DRAW: Label((), (SourceType.ALGORITHMIC_MEDIA,), has_parent=False),
    Operation.COLOUR: Label(("c2pa.color_adjustments",), _BY_PROGRAM, has_parent=True),
    Operation.CROP: Label(("c2pa.cropped",), _BY_PROGRAM, has_parent=True),
    Operation.RESIZE: Label(("c2pa.resized",), _BY_PROGRAM, has_parent=True),
}


@dataclass(frozen=True)
class Ingredient:
    """A file that went into the picture. Its own credentials are kept; of itself only its hash is."""

    name: str
    """What people see it called."""
    content: bytes | Path = field(repr=False)
    """The file, or where it is."""


@dataclass(frozen=True)
class Provenance:
    """How a picture came about: all that its credentials will say. It holds no prompt, by intent.

    Raises InputError when the source type is not one that is true of the operation, and when an operation that opens
    a picture is given none.
    """

    operation: Operation
    source_type: SourceType
    model: str = ""
    """Name of the model; empty where none took part."""
    model_sha256: str = ""
    """Hash of its weights file, hexadecimal."""
    inputs: tuple[Ingredient, ...] = ()
    """The picture that was opened first, if the operation opens one; then the parts that were placed."""
    consent_sha256: str = ""
    """Hash of the consent record that allows a face to be used."""
    watermark: Mapping[str, Any] = field(default_factory=dict)
    """Facts of the invisible watermark, or why there is none; plain JSON."""

    def __post_init__(self) -> None:
        label = LABELS[self.operation]
        if self.source_type not in label.source_types:
            known = ", ".join(label.source_types)
            raise InputError(
                f"A picture made by '{self.operation}' cannot be labelled '{self.source_type}'; use {known}."
            )
        needed = int(label.has_parent) + ("c2pa.placed" in label.actions)
        if len(self.inputs) < needed:
            raise InputError(f"'{self.operation}' needs {needed} input pictures, not {len(self.inputs)}.")

    @classmethod
    def of(cls, operation: Operation, **facts: Any) -> "Provenance":
        """Provenance with the source type that is usual for `operation`."""
        return cls(operation, LABELS[operation].source_types[0], **facts)
