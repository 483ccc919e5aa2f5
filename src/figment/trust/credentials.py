"""Content Credentials found in a file: who signed what, and whether it still holds, back to the first input.

The library calls a picture trusted whose parent had been altered, since the picture itself is whole; so every
ingredient is judged here as well. What an ingredient's own bytes were like, only the signer of the outer picture saw:
his word is worth as much as his signature.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

from c2pa import C2paError, Reader

from figment.trust.c2pa_session import reading_context

__all__ = ["NO_CREDENTIALS", "Action", "Manifest", "State", "read_credentials"]

State = Literal["trusted", "untrusted", "invalid", "none"]
"""Signed by an identity of this installation and whole; whole, by a signer not known here; broken; not there."""

MOST_DEPTH = 32
MOST_INGREDIENTS = 200
MOST_TEXT = 300

_CODES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_UNTRUSTED = "signingCredential.untrusted"
_EXPLAINED = {
    "assertion.dataHash.mismatch": "its bytes are not the ones that were signed",
    "assertion.bmffHash.mismatch": "its bytes are not the ones that were signed",
    "assertion.hashedURI.mismatch": "what the credentials say was changed after they were signed",
    "claimSignature.mismatch": "the signature does not belong to these credentials",
    "claimSignature.missing": "the signature is missing",
    "assertion.missing": "a part of the credentials is missing",
    "claim.missing": "a part of the credentials is missing",
    "signingCredential.expired": "the certificate had expired",
    "signingCredential.invalid": "the certificate is not one that may sign credentials",
    "ingredient.manifest.mismatch": "the credentials of an input were exchanged",
    "ingredient.manifest.missing": "the credentials of an input were taken out",
}


@dataclass(frozen=True)
class Action:
    """One thing that was done, as the credentials say."""

    name: str
    """C2PA action, such as "c2pa.created"."""
    source_type: str = ""
    """IPTC code, or what stands in its place."""


@dataclass(frozen=True)
class Manifest:
    """Credentials of a picture or of one of its inputs. All text in it was written by others."""

    state: State
    title: str = ""
    relationship: str = ""
    """What it is to the picture made from it: "parentOf" or "componentOf"; empty for the picture itself."""
    issuer: str = ""
    """Organisation named in the certificate."""
    signed_at: str = ""
    """Time that a time-stamping authority vouches for; empty without one."""
    generator: str = ""
    """Program that made the credentials."""
    actions: tuple[Action, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Figment's own assertions by name, without "org.figment."."""
    problems: tuple[str, ...] = ()
    """What is broken, in words."""
    codes: tuple[str, ...] = ()
    """The same as C2PA validation codes."""
    ingredients: tuple["Manifest", ...] = ()

    @property
    def source_type(self) -> str:
        """Source type of the last action that names one."""
        return next((action.source_type for action in reversed(self.actions) if action.source_type), "")

    def ancestors(self) -> Iterator["Manifest"]:
        """Every ingredient, and theirs."""
        for ingredient in self.ingredients:
            yield ingredient
            yield from ingredient.ancestors()


NO_CREDENTIALS = Manifest("none")


def read_credentials(file: BinaryIO, mime: str, anchors: bytes, sidecar: bytes | None = None) -> Manifest:
    """Credentials in `file`, or in `sidecar` beside it, with only `anchors` trusted. Bad content raises nothing."""
    try:
        reader = Reader(mime, file, sidecar, context=reading_context(anchors))
    except C2paError.ManifestNotFound:
        return NO_CREDENTIALS
    except C2paError as error:
        if sidecar is None and not _mentions_credentials(file):
            return NO_CREDENTIALS  # it is the file that is damaged
        return Manifest("invalid", problems=(f"the credentials are damaged and cannot be read ({_cut(str(error))})",))
    with reader:
        store = json.loads(reader.json())
        return _Store(store).outer(reader.get_validation_state() or "Invalid")


def _mentions_credentials(file: BinaryIO) -> bool:
    """Whether the name that every manifest store begins with is anywhere in `file`."""
    file.seek(0)
    before = b""
    while block := file.read(1 << 20):
        if b"c2pa" in before + block:
            return True
        before = block[-3:]
    return False


class _Store:
    """The manifests of one file, as the library reports them."""

    def __init__(self, store: Mapping[str, Any]) -> None:
        self._manifests = _mapping(store.get("manifests"))
        self._active = _text(store.get("active_manifest"))
        self._results = _mapping(store.get("validation_results"))
        self._left = MOST_INGREDIENTS

    def outer(self, validation_state: str) -> Manifest:
        codes = _failures(_mapping(self._results.get("activeManifest")))
        broken = tuple(code for code in codes if code != _UNTRUSTED)
        state: State = "trusted" if validation_state == "Trusted" else "untrusted"
        if validation_state not in ("Trusted", "Valid") or broken:
            state = "invalid"
        return self._manifest(self._active, state, broken, {}, 0)

    def _manifest(
        self, label: str, state: State, codes: tuple[str, ...], as_ingredient: Mapping[str, Any], depth: int
    ) -> Manifest:
        found = _mapping(self._manifests.get(label))
        signature = _mapping(found.get("signature_info"))
        return Manifest(
            state=state,
            title=_text(as_ingredient.get("title")) or _text(found.get("title")),
            relationship=_text(as_ingredient.get("relationship")),
            issuer=_text(signature.get("issuer")),
            signed_at=_text(signature.get("time")),
            generator=_generator(found),
            actions=tuple(_actions(found)),
            facts=_facts(found),
            problems=tuple(dict.fromkeys(_EXPLAINED.get(code, code) for code in codes)),
            codes=codes,
            ingredients=tuple(self._ingredients(label, found, state, depth)),
        )

    def _ingredients(self, label: str, found: Mapping[str, Any], outer: State, depth: int) -> Iterator[Manifest]:
        for ingredient in _list(found.get("ingredients")):
            if depth >= MOST_DEPTH or self._left == 0:
                return
            self._left -= 1
            own = _text(ingredient.get("active_manifest"))
            codes = self._ingredient_codes(label, ingredient)
            broken = tuple(code for code in codes if code != _UNTRUSTED)
            yield self._manifest(own, _ingredient_state(own, codes, broken, outer), broken, ingredient, depth + 1)

    def _ingredient_codes(self, label: str, ingredient: Mapping[str, Any]) -> tuple[str, ...]:
        """What was broken when the ingredient was taken in, and what is found broken now."""
        recorded = _mapping(ingredient.get("validation_results"))
        codes = list(_failures(_mapping(recorded.get("activeManifest"))))
        codes += [_text(status.get("code")) for status in _list(ingredient.get("validation_status"))]
        place = f"{label}/c2pa.assertions/{_text(ingredient.get('label'))}"
        for delta in _list(self._results.get("ingredientDeltas")):
            if _text(delta.get("ingredientAssertionURI")).endswith(place):
                codes += _failures(_mapping(delta.get("validationDeltas")))
        return tuple(dict.fromkeys(code for code in codes if code))


def _ingredient_state(own: str, codes: tuple[str, ...], broken: tuple[str, ...], outer: State) -> State:
    if broken:
        return "invalid"
    if not own:
        return "none"
    return "trusted" if outer == "trusted" and _UNTRUSTED not in codes else "untrusted"


def _failures(results: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(_text(status.get("code")) for status in _list(results.get("failure")))


def _generator(found: Mapping[str, Any]) -> str:
    listed = _list(found.get("claim_generator_info"))
    first = listed[0] if listed else {}
    return f"{_text(first.get('name'))} {_text(first.get('version'))}".strip() or _text(found.get("claim_generator"))


def _actions(found: Mapping[str, Any]) -> Iterator[Action]:
    for assertion in _list(found.get("assertions")):
        if _text(assertion.get("label")).startswith("c2pa.actions"):
            for action in _list(_mapping(assertion.get("data")).get("actions")):
                code = _text(action.get("digitalSourceType")).replace("https://", "http://").removeprefix(_CODES)
                yield Action(_text(action.get("action")), code)


def _facts(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        label.removeprefix("org.figment."): _mapping(assertion.get("data"))
        for assertion in _list(found.get("assertions"))
        if (label := _text(assertion.get("label"))).startswith("org.figment.")
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return _cut(value) if isinstance(value, str) else ""


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"
