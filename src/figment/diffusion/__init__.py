"""Stable Diffusion: people's checkpoints, prompts and settings, and the engine that draws by them."""
