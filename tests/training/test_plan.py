"""What `figment train` makes of its arguments."""

from pathlib import Path

import pytest

from figment.core.errors import InputError
from figment.training.plan import plan

RECIPE = """
name = "small"
family = "latent_diffusion"
stages = [{name = "flow", data = "scenes", steps = 10}]
"""


def test_a_family_trains_every_stage_on_the_data_that_is_named() -> None:
    recipe = plan("latent_diffusion", data=["scenes", "text=words"], steps=100, batch=8, seed=5)
    assert recipe.name == recipe.family == "latent_diffusion"
    assert [(stage.name, stage.data) for stage in recipe.stages] == [
        ("text", "words"),
        ("features", "scenes"),
        ("autoencoder", "scenes"),
        ("sharpen", "scenes"),
        ("flow", "scenes"),
    ]
    assert {(stage.steps, stage.batch, stage.warmup) for stage in recipe.stages} == {(100, 8, 10)}
    assert recipe.seed == 5
    assert recipe.model == {}


def test_defaults_of_a_family() -> None:
    first = plan("latent_diffusion", data=["folder:a=b"]).stages[0]
    assert (first.data, first.steps, first.batch, first.warmup) == ("folder:a=b", 2000, 32, 200)


def test_a_family_that_is_open_to_it_takes_the_shape_and_classes_of_its_data() -> None:
    assert plan("ddpm", data=["digits"]).model == {"channels": 1, "image_size": 8}
    assert plan("ddpm", data=["mnist-5k"], size=32).model == {"channels": 1, "image_size": 32}
    classes = plan("ddpm", data=["digits"], preset="class")
    assert classes.name == "ddpm-class"
    assert classes.model == {"condition": "class", "classes": 10, "channels": 1, "image_size": 8}


def test_fields_of_a_family_are_set_as_a_recipe_sets_them() -> None:
    settings = {"learning_rate": "1e-4", "paired": "false", "network": "dcgan", "width": "16"}
    expected = {"learning_rate": 1e-4, "paired": False, "network": "dcgan", "width": 16}
    assert plan("gan", data=["digits"], settings=settings).model.items() >= expected.items()
    assert plan("gan", data=["digits"], preset="classic", settings={"penalty": "2"}).model["penalty"] == 2
    assert plan("vqvae", data=["digits"], settings={"prior": "{depth = 2}"}).model["prior"] == {"depth": 2}


def test_a_recipe_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(RECIPE)
    assert plan(str(path)).stages[0].steps == 10


@pytest.mark.parametrize(
    ("what", "options", "said"),
    [
        ("latent_difusion", {"data": ["scenes"]}, r"No model family 'latent_difusion'; there are: .*ends in \.toml"),
        ("latent_diffusion", {}, "Stages text, features, .* need one data set, not none"),
        ("latent_diffusion", {"data": ["text=words"]}, "Stages features, .* need one data set, not none"),
        ("latent_diffusion", {"data": ["scenes", "sprites"]}, "need one data set, not scenes and sprites"),
        ("gan", {}, r"One data set is needed, not none; give --data NAME\."),
        ("ddpm", {"data": ["digits"], "preset": "2021"}, "ddpm has no preset '2021'; there are: 2020, class, caption"),
        ("latent_diffusion", {"data": ["scenes"], "preset": "x"}, "latent_diffusion has no preset 'x'; it has none"),
        (
            "gan",
            {"data": ["digits"], "settings": {"rate": "1"}},
            "gan has no setting 'rate'; there are: blocks, channels,",
        ),
        ("small.toml", {"settings": {"width": "8"}}, "leave out --set"),
        ("small.toml", {"preset": "2020"}, r"leave out --preset"),
        ("small.toml", {"steps": 5}, r"small\.toml says itself how to train; leave out --steps"),
        ("small.toml", {"data": ["scenes"], "seed": 0}, "leave out --data, --seed"),
        ("missing.toml", {}, r"Cannot read the recipe missing\.toml"),
    ],
)
def test_what_cannot_be_planned_is_refused(what: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan(what, **options)  # type: ignore[arg-type]  # the options of each case are of the right types
