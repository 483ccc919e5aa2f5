"""Training as a user runs it: what the model makes on the way is written through the gallery, like all pictures."""

from pathlib import Path

from figment.core.task import Task
from figment.data.datasets import open_dataset
from figment.studio.gallery import Gallery
from figment.studio.library import Entry
from figment.training.recipe import Recipe
from figment.training.trainer import train
from figment.trust.labels import Operation, Provenance

__all__ = ["train_run"]


def train_run(recipe: Recipe, run: Path, *, save_minutes: float = 5, half: bool = False) -> Task[Path]:
    """Train `recipe` in the folder `run` and return the path of the weights; see `figment.training.trainer.train`.

    At every save a sheet of what the model makes so far is written to `STAGE-samples.png`, marked and signed.
    """
    gallery, entry = Gallery(), Entry(recipe.name, run / "model.safetensors", "run")
    task = train(recipe, run, open_dataset, save_minutes=save_minutes, half=half)
    try:
        while True:
            report = next(task)
            if report.preview is not None:
                provenance = Provenance.of(Operation.CREATE, model=entry.name, model_sha256=entry.sha256)
                gallery.save(report.preview, None, provenance, path=run / f"{report.note}-samples.png")
            yield report
    except StopIteration as stop:
        path: Path = stop.value
        return path
    finally:
        task.close()
