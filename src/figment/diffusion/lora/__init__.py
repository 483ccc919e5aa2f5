"""LoRA and its kin: small files that change what a Stable Diffusion model draws.

    lora = read(Path("miku.safetensors"))
    missing = check(lora, {"unet": unet, "text": text}, kind.base)
    unet = merged(unet, "unet", [(lora, 0.8)])

One file here is one kind of change; `kinds` says which there are, `names` and `modules` how files call what they
change.
"""

from figment.diffusion.lora.merge import check, merged
from figment.diffusion.lora.read import Lora, read

__all__ = ["Lora", "check", "merged", "read"]
