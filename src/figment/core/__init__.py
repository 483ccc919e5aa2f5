"""Contracts that every part of Figment keeps: errors, tasks, datasets, models, configurations, checkpoints."""
