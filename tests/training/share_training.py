"""One of two processes that train together; the launcher's variables say which. Run by test_sharing.py."""

import sys
from pathlib import Path

import torch

from figment import families
from figment.core.task import finish
from figment.data.datasets import open_dataset
from figment.training.device import place
from figment.training.recipe import read_recipe
from figment.training.trainer import train


def main(folder: Path) -> None:
    """Train the recipe in `folder`; then write this process's share of the averaged gradient of one batch of 4."""
    recipe = read_recipe(folder / "recipe.toml")
    finish(train(recipe, folder / "run", lambda name, size: open_dataset(name, size)))
    here = place()
    torch.manual_seed(0)
    model = families.build(recipe.family, recipe.model)
    batch = open_dataset("digits", 32).batch(here.rank, 4 // here.world)
    next(iter(model.losses(batch, "features"))).value.backward()  # type: ignore[no-untyped-call]
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    here.average(gradients.values())
    torch.save(gradients, folder / f"gradients-{here.rank}.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
