"""Training as a user runs it: what the model makes on the way is written through the gallery, like all pictures."""

from pathlib import Path

from figment.core.task import Task
from figment.data.datasets import open_dataset
from figment.studio.gallery import Gallery
from figment.studio.library import Entry
from figment.training.recipe import Recipe
from figment.training.trainer import snapshots, train
from figment.trust.labels import Operation, Provenance

__all__ = ["train_run"]


def train_run(recipe: Recipe, run: Path, *, save_minutes: float = 5, half: bool = False) -> Task[Path]:
    """Train `recipe` in the folder `run` and return the path of the weights; see `figment.training.trainer.train`.

    At every save a sheet of what the model makes so far is written to `STAGE-samples.png`, marked and signed; sheets of
    the steps that `snapshots` names are kept in `history`, all drawn from the same noise.
    """
    gallery, entry = Gallery(), Entry(recipe.name, run / "model.safetensors", "run")
    task = train(recipe, run, open_dataset, save_minutes=save_minutes, half=half)
    try:
        while True:
            report = next(task)
            if report.preview is not None:
                provenance = Provenance.of(Operation.CREATE, model=entry.name, model_sha256=entry.sha256)
                paths = [run / f"{report.note}-samples.png"]
                if report.step in snapshots(report.total):
                    paths.append(run / "history" / f"{report.note}-{report.step:07}.png")
                for place in paths:
                    gallery.save(report.preview, None, provenance, path=place)
            yield report
    except StopIteration as stop:
        path: Path = stop.value
        return path
    finally:
        task.close()
