"""The signing library, set up once for each identity: nothing is fetched, and no thumbnail leaves with a picture."""

import json
import os
from functools import lru_cache
from typing import Any

from c2pa import C2paSignerInfo, Context, Signer

from figment import __version__
from figment.trust.keys import Identity

__all__ = ["reading_context", "signing_session"]


def reading_context(anchors: bytes) -> Context:
    """Settings for verification that trust nothing but `anchors`, PEM certificates; none at all when it is empty."""
    return _context(anchors, os.getpid())


def signing_session(identity: Identity) -> tuple[Context, Signer]:
    """Settings and signer of `identity`; made once, safe to share between threads."""
    return reading_context(identity.anchors()), _signer(identity, os.getpid())


# A forked child cannot use what its parent made, so that the process belongs to what is remembered.
@lru_cache(maxsize=8)
def _context(anchors: bytes, _process: int) -> Context:
    settings: dict[str, Any] = {
        "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
        "builder": {
            "thumbnail": {"enabled": False},
            "claim_generator_info": {"name": "Figment", "version": __version__},
        },
    }
    if anchors:  # an empty list would not parse
        settings["trust"] = {"user_anchors": anchors.decode("ascii")}
    return Context.from_json(json.dumps(settings))


@lru_cache(maxsize=4)
def _signer(identity: Identity, _process: int) -> Signer:
    return Signer.from_info(
        C2paSignerInfo(alg=b"es256", sign_cert=identity.chain, private_key=identity.key, ta_url=None)
    )
