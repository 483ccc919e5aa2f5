"""The emoji sets that sprites are made of, with their licences.

Pictures: Noto Emoji (Apache-2.0), Fluent Emoji in three styles (MIT), Twemoji (CC-BY-4.0) and, only when asked for
because its licence is share-alike, OpenMoji (CC-BY-SA-4.0). Names: emojibase (MIT). The Tux Paint stamps are left out
because they are under the GPL.
"""

from dataclasses import dataclass

from figment.data.npm import Package

__all__ = ["NAMES", "SpriteSource", "sprite_sources"]


@dataclass(frozen=True)
class SpriteSource:
    """One picture set, drawn in one style."""

    style: str
    title: str
    """Name with the attribution that the licence asks for."""
    licence: str
    url: str
    package: Package


NAMES = Package(
    "emojibase-data",
    "17.0.0",
    "Yvgb5AWoHViHV/gq1qr5ZAarcBip+B27/ZLRsUJkbgAEaLlZ/fof9g882LTpmEpyhBNEC0m2SEmItljHsTygjA==",
)
SOURCES = (
    SpriteSource(
        "noto",
        "Noto Emoji, Google Inc",
        "Apache-2.0",
        "https://github.com/googlefonts/noto-emoji",
        Package(
            "@iconify-json/noto",
            "1.2.9",
            "DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==",
        ),
    ),
    SpriteSource(
        "fluent",
        "Fluent Emoji, Microsoft Corporation",
        "MIT",
        "https://github.com/microsoft/fluentui-emoji",
        Package(
            "@iconify-json/fluent-emoji",
            "1.2.7",
            "D8G6bKAyIsyxP1rzZtIWr/gg/fO4Rg1+DyCWlfqKK4h8W+4Em/Y0P6QYgJUQTlUcagzJvSyg+9OBv4hz4Hc/QA==",
        ),
    ),
    SpriteSource(
        "flat",
        "Fluent Emoji Flat, Microsoft Corporation",
        "MIT",
        "https://github.com/microsoft/fluentui-emoji",
        Package(
            "@iconify-json/fluent-emoji-flat",
            "1.2.6",
            "RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==",
        ),
    ),
    SpriteSource(
        "twemoji",
        "Twemoji, Twitter/jdecked contributors",
        "CC-BY-4.0",
        "https://github.com/jdecked/twemoji",
        Package(
            "@iconify-json/twemoji",
            "1.2.5",
            "uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZB5+YiY5zaMm2uNNCxyXzAWU9yNLlj41WU6/mvgALsw==",
        ),
    ),
    SpriteSource(
        "3d",
        "Fluent Emoji 3D, Microsoft Corporation",
        "MIT",
        "https://github.com/lobehub/fluent-emoji",
        Package(
            "@lobehub/fluent-emoji-3d",
            "1.1.0",
            "Wlq2lVStTnr8BDpIJ0pEnTKO4LuDxxqTEhTvRtD1DLRF0me7ogeRQjKoehDHXuVJ2Qaecgl5wRBv60lUAG3h7g==",
        ),
    ),
)
SHARE_ALIKE = SpriteSource(
    "openmoji",
    "OpenMoji, the open-source emoji and icon project",
    "CC-BY-SA-4.0",
    "https://openmoji.org",
    Package(
        "@iconify-json/openmoji",
        "1.2.29",
        "vXdhkqcXVSO6suy+m9LbcUM3OdVyuNOtpV8/als/WqfkQIRxevL5Geb/g+6GH/Qwnq1OqksEmaDGTCmZ5nFKJQ==",
    ),
)


def sprite_sources(share_alike: bool) -> tuple[SpriteSource, ...]:
    """The sets of a pack; OpenMoji only with `share_alike`."""
    return (*SOURCES, SHARE_ALIKE) if share_alike else SOURCES
