"""The sentences of a report. They claim no more than was found, and absence is never taken for proof."""

from collections.abc import Iterator, Mapping

from figment.trust.credentials import Manifest
from figment.trust.findings import Verdict, WatermarkFinding
from figment.trust.metadata import Found

__all__ = ["headline", "issuer_of", "origin", "reasons"]

_LEAST_CHANCE = 1e-9
"""Smallest probability that is stated; what is smaller rests on a formula and not on pictures."""
_ORIGINS: Mapping[str, str] = {
    "trainedAlgorithmicMedia": "made by a trained model (AI)",
    "compositeWithTrainedAlgorithmicMedia": "partly made by a trained model (AI)",
    "compositeSynthetic": "put together with parts made by a model (AI)",
    "algorithmicMedia": "drawn by a program that learned nothing",
    "dataDrivenMedia": "drawn from data",
    "composite": "put together from other pictures",
    "compositeCapture": "put together from photographs",
    "humanEdits": "edited by a person",
    "digitalCreation": "made by a person with digital tools",
    "digitalCapture": "captured by a camera",
    "computationalCapture": "captured by a camera and computed",
    "screenCapture": "captured from a screen",
    "algorithmicallyEnhanced": "improved by a program",
}
_HEADLINES: Mapping[Verdict, str] = {
    "signed": "Made by this installation of Figment and unchanged since: {origin}.",
    "altered input": "Its credentials hold, but an input that it was made from had been altered after it was signed.",
    "altered": "Its credentials do not fit it: this is not what was signed.",
    "foreign": "It carries valid credentials by a signer who is not known here: {origin}.",
    "marked": "It has no credentials, but {origin}: it was re-saved or edited since it was made.",
    "claimed": "Nothing in it is proof; its metadata, which anybody can write, says: {origin}.",
    "nothing": "Nothing found; that proves nothing: most pictures carry no marks, and marks get lost.",
}


def headline(verdict: Verdict, credentials: Manifest, watermark: WatermarkFinding, metadata: Found) -> str:
    """The verdict in a sentence."""
    match verdict:
        case "marked":
            said = "this installation's watermark" if watermark.payload else "a watermark that Figment makes"
        case "claimed" if not metadata.source_type and (metadata.parameters or metadata.comfyui_nodes):
            said = "made by a picture generator"
        case "claimed":
            said = origin(metadata.source_type)
        case _ if _is_swap(credentials):
            said = "a trained model (AI) put another face into it"
        case _:
            said = origin(credentials.source_type)
    return _HEADLINES[verdict].format(origin=said)


def origin(source_type: str) -> str:
    """What an IPTC digital source type means, in words."""
    if not source_type:
        return "it does not say how it came about"
    return _ORIGINS.get(source_type, f"its source type is '{source_type}'")


def _is_swap(credentials: Manifest) -> bool:
    return "consent" in credentials.facts and any(action.name == "c2pa.placed" for action in credentials.actions)


def issuer_of(manifest: Manifest) -> str:
    """Who signed, and what that is worth."""
    match manifest.state:
        case "trusted":
            return "signed by this installation; not on the C2PA trust list"
        case "untrusted":
            return f"signed by '{manifest.issuer}', who is not known to this installation"
        case "invalid":
            return f"said to be signed by '{manifest.issuer}', but broken" if manifest.issuer else "broken"
        case "none":
            return "without credentials"


def reasons(credentials: Manifest, watermark: WatermarkFinding, metadata: Found, detail: str) -> Iterator[str]:
    """What the verdict rests on, strongest evidence first; `detail` says what was done to an altered file."""
    for sentence in _of_credentials(credentials, detail):
        yield f"Credentials: {sentence}."
    yield f"Watermark: {_of_watermark(watermark)}."
    for sentence in _of_metadata(metadata):
        yield f"Metadata: {sentence}."


def _of_credentials(credentials: Manifest, detail: str) -> Iterator[str]:
    if credentials.state == "none":
        yield "none"
        return
    yield issuer_of(credentials)
    yield from credentials.problems
    if detail:
        yield detail
    if credentials.state != "invalid":
        yield origin(credentials.source_type)
    model = credentials.facts.get("model", {}).get("name")
    if isinstance(model, str):
        yield f"made with the model '{model}'"
    consent = credentials.facts.get("consent", {}).get("sha256")
    if _is_swap(credentials) and isinstance(consent, str):
        yield f"a face was placed into it, under the consent {consent[:12]}"
    for ingredient in credentials.ancestors():
        if ingredient.problems:
            yield f"the input '{ingredient.title}' was altered before it was used: {'; '.join(ingredient.problems)}"
        else:
            yield f"made from '{ingredient.title}', {issuer_of(ingredient)}"


def _of_watermark(found: WatermarkFinding) -> str:
    if found.not_examined:
        return f"not examined, because {found.not_examined}"
    chance = f"{found.false_positive_rate:.1g}" if found.false_positive_rate >= _LEAST_CHANCE else "under 1e-9"
    strength = f"score {found.score:.1f}; probability without one: {chance}"
    if not found.present:
        return f"not found ({strength})"
    whose = f"that of this installation, number {found.payload}" if found.payload else "of this or another Figment"
    return f"found, {whose} ({strength})"


def _of_metadata(found: Found) -> Iterator[str]:
    if found.source_type:
        yield f"says {origin(found.source_type)}"
    if found.creator_tool:
        yield f"names the program '{found.creator_tool}'"
    if found.parameters:
        yield "holds generation settings"
    if found.comfyui_nodes:
        yield f"holds a ComfyUI graph ({', '.join(found.comfyui_nodes[:5])})"
    if found.aigc:
        yield "holds an AIGC label"
    if not found:
        yield "none that matters"
    for note in found.passed_over:
        yield f"not read: {note}"
