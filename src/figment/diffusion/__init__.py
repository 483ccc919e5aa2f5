"""Stable Diffusion: what people's checkpoints, prompts and settings mean."""
