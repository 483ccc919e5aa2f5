"""Samplers and schedules by the names that AUTOMATIC1111 and its clients have for them."""

import re

from figment.server.problems import Problem

__all__ = ["ALIASES", "ENLARGERS", "LATENT", "NOISY", "SCHEDULES", "method", "schedule_name"]

ALIASES = {
    "DPM++ 2M": ("k_dpmpp_2m",),
    "DPM++ SDE": ("k_dpmpp_sde",),
    "DPM++ 2M SDE": ("k_dpmpp_2m_sde",),
    "DPM++ 2M SDE Heun": ("k_dpmpp_2m_sde_heun",),
    "DPM++ 2S a": ("k_dpmpp_2s_a",),
    "DPM++ 3M SDE": ("k_dpmpp_3m_sde",),
    "Euler a": ("k_euler_a", "k_euler_ancestral"),
    "Euler": ("k_euler",),
    "LMS": ("k_lms",),
    "Heun": ("k_heun",),
    "DPM2": ("k_dpm_2",),
    "DPM2 a": ("k_dpm_2_a",),
    "Restart": ("restart",),
    "DDIM": ("ddim",),
    "DDIM CFG++": ("ddim_cfgpp",),
    "PLMS": ("plms",),
    "UniPC": ("unipc",),
    "LCM": ("k_lcm",),
}
"""In its order, with its older names."""
NOISY = (
    *("Euler a", "DPM2 a", "DPM++ 2S a", "DPM++ SDE", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE"),
    "DDIM",
)
"""Samplers that add noise, which eta scales; it is passed over for others, as AUTOMATIC1111 does."""

SCHEDULES = (
    *("Uniform", "Karras", "Exponential", "Polyexponential", "SGM Uniform", "KL Optimal", "Align Your Steps"),
    *("Simple", "Normal", "DDIM", "Beta", "Turbo"),
)
LATENT = (
    *("Latent", "Latent (antialiased)", "Latent (bicubic)", "Latent (bicubic antialiased)", "Latent (nearest)"),
    "Latent (nearest-exact)",
)
"""Ways to enlarge latents."""
ENLARGERS = ("Lanczos", "Nearest")
"""Ways to enlarge a picture without a file."""
# The code that draws has these names too, and loads a tensor library; a test holds them together.


def method(sampler: str, schedule: str | None) -> tuple[str, str]:
    """Labels of the sampler and, or empty, of the schedule; "DPM++ 2M Karras" means both. Raises Problem 400."""
    by_name = {_plain(label): label for label in SCHEDULES}
    asked = _plain(schedule or "")
    if asked not in ("", "automatic") and asked not in by_name:
        raise Problem(400, f"Scheduler not found: {(schedule or '')[:80]}")
    label = _label(sampler)
    if label is not None:
        return label, by_name.get(asked, "")
    for ending in SCHEDULES:
        if sampler.lower().endswith(f" {ending.lower()}"):
            label = _label(sampler[: -len(ending) - 1])
            if label is not None:
                return label, by_name.get(asked, ending)
    raise Problem(400, f"Sampler not found: {sampler[:80]}")


def schedule_name(label: str) -> str:
    """How AUTOMATIC1111 calls a schedule by name: "SGM Uniform" is "sgm_uniform"."""
    return re.sub(r"\W+", "_", label.lower())


def _label(sampler: str) -> str | None:
    wanted = sampler.strip().lower()
    return next((label for label, others in ALIASES.items() if wanted in (label.lower(), *others)), None)


def _plain(label: str) -> str:
    return label.lower().replace("_", "").replace(" ", "")
