"""Real clients of both protocols against a live server with its worker and the model that ships."""

import base64
import io
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openai
import pytest
import webuiapi
from httpx2 import Client
from PIL import Image

from figment.pixels.files import read_text
from figment.studio.parameters import read
from figment.trust.verify import inspect


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def a1111(address: str) -> Iterator[Any]:
    api = webuiapi.WebUIApi(baseurl=f"{address}/sdapi/v1", steps=2)
    yield api
    api.session.close()


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_webuiapi_draws_what_the_settings_in_the_picture_say(a1111: Any, root: Path) -> None:
    result = a1111.txt2img(prompt="a red apple", seed=7, n_iter=2, cfg_scale=3)
    assert [image.size for image in result.images] == [(128, 128)] * 2
    assert result.info["all_seeds"] == [7, 8]
    assert read(result.images[1].text["parameters"]).seed == 8
    kept = {path.read_bytes() for path in (root / "outputs").glob("*/*.png")}
    assert {base64.b64decode(one) for one in result.json["images"]} <= kept  # with credentials and watermark


def test_the_same_seed_gives_the_same_picture(a1111: Any) -> None:
    one, other = (a1111.txt2img(prompt="a green pear", seed=3).image for _ in range(2))
    assert np.array_equal(np.asarray(one), np.asarray(other))


def test_without_a_prompt_there_is_nothing_to_follow(a1111: Any) -> None:
    def apart(**asked: Any) -> float:
        weak, strong = (
            np.asarray(a1111.txt2img(seed=5, cfg_scale=scale, steps=4, **asked).image, float) for scale in (1.5, 7)
        )
        return float(np.abs(weak - strong).mean())

    assert apart(prompt="") < 1  # marks alone
    assert apart(prompt="", negative_prompt="a red apple") > 5
    first = a1111.txt2img(prompt="", seed=5)
    assert first.info["all_prompts"] == [""]
    again = a1111.img2img(images=[first.image], prompt="", seed=6, denoising_strength=0.3)
    assert read(again.image.text["parameters"]).strength == 0.3


def test_webuiapi_redraws_and_reads_back(a1111: Any, tmp_path: Path) -> None:
    first = a1111.txt2img(prompt="a red apple", seed=1).image
    mask = Image.new("L", first.size, 0)
    mask.paste(255, (64, 0, 128, 128))
    result = a1111.img2img(images=[first], prompt="a green apple", mask_image=mask, mask_blur=0, seed=2, steps=4)
    path = tmp_path / "made.png"
    path.write_bytes(base64.b64decode(result.json["images"][0]))
    assert "edited" in str(inspect(path))
    info = a1111.png_info(result.image).info
    assert read(info).prompt == "a green apple"


def test_webuiapi_enlarges(a1111: Any, tmp_path: Path) -> None:
    first = a1111.txt2img(prompt="a red apple", seed=1).image
    single = a1111.extra_single_image(first, upscaler_1="Lanczos", upscaling_resize=1.5)
    assert single.image.size == (192, 192)
    shrunk = np.asarray(single.image.resize(first.size, Image.Resampling.BOX), np.float64)
    assert np.abs(shrunk - np.asarray(first)).mean() < 3
    path = tmp_path / "larger.png"
    path.write_bytes(base64.b64decode(single.json["image"]))
    assert "resized" in str(inspect(path))
    several = a1111.extra_batch_images(
        [first, first], resize_mode=1, upscaling_resize_w=160, upscaling_resize_h=200, upscaler_1="Nearest"
    )
    assert [image.size for image in several.images] == [(160, 200)] * 2
    assert read(several.image.text["parameters"]).extra["Postprocess upscale to"] == "160x200"


def test_webuiapi_sets_and_lists(a1111: Any) -> None:
    a1111.util_set_model("sprites")
    assert a1111.util_get_current_model().startswith("sprites-128.safetensors [")
    options = a1111.get_options()
    a1111.set_options(options | {"CLIP_stop_at_last_layers": 2, "unknown_to_all": 1})
    assert a1111.get_options()["CLIP_stop_at_last_layers"] == 2
    a1111.set_options(options)
    assert "Euler a" in a1111.util_get_sampler_names()
    assert "sgm_uniform" in a1111.util_get_scheduler_names()
    assert [one["name"] for one in a1111.get_upscalers()][:2] == ["None", "Lanczos"]
    assert a1111.get_memory()["ram"]["total"] > 2**20
    for listed in (a1111.get_loras(), a1111.get_sd_vae(), a1111.get_hypernetworks(), a1111.get_face_restorers()):
        assert listed == []
    assert a1111.get_realesrgan_models() == a1111.get_prompt_styles() == []
    assert a1111.get_scripts() == {"txt2img": [], "img2img": []}
    assert a1111.get_embeddings() == {"loaded": {}, "skipped": {}}
    assert {"name": "Latent (bicubic)"} in a1111.get_latent_upscale_modes()
    assert a1111.get_cmd_flags()["api"]
    assert a1111.refresh_checkpoints() is None
    a1111.util_wait_for_ready(check_interval=0.1)


def test_webuiapi_watches_and_interrupts(a1111: Any) -> None:
    made: list[Any] = []
    asked = threading.Thread(target=lambda: made.append(a1111.txt2img(prompt="a boat", steps=1000, n_iter=3)))
    asked.start()
    seen = _until(lambda: a1111.get_progress(), lambda told: told["current_image"] and told["eta_relative"])
    assert 0 < seen["progress"] < 1 / 3  # of the whole request
    assert (seen["state"]["job_no"], seen["state"]["job_count"]) == (0, 3)
    assert seen["state"]["sampling_steps"] >= 1000
    assert seen["eta_relative"] > 0
    Image.open(io.BytesIO(base64.b64decode(seen["current_image"]))).verify()
    a1111.interrupt()
    asked.join(20)
    assert not asked.is_alive()
    assert made[0].images == []  # neither the one in hand nor the two that waited
    assert a1111.get_progress()["state"]["job_count"] == 0


def test_webuiapi_follows_its_request_by_name(a1111: Any) -> None:
    def asked() -> Any:
        told = {"id_task": "task(mine)", "id_live_preview": -1}
        return a1111.custom_post("internal/progress", payload=told).json

    body = {"prompt": "a boat", "steps": 1000, "force_task_id": "task(mine)"}
    posted = threading.Thread(target=lambda: a1111.custom_post("sdapi/v1/txt2img", payload=body))
    posted.start()
    active = _until(asked, lambda told: told["active"] and told["live_preview"])
    assert 0 < active["progress"] < 1
    assert active["live_preview"].startswith("data:image/jpeg;base64,")
    assert active["id_live_preview"] >= 0
    a1111.interrupt()
    posted.join(60)
    assert asked()["completed"]


def test_webuiapi_chooses_a_format(a1111: Any) -> None:
    result = a1111.txt2img(prompt="a red apple", seed=5, override_settings={"samples_format": "jpg"})
    assert result.image.format == "JPEG"
    told = a1111.custom_post("sdapi/v1/png-info", payload={"image": result.json["images"][0]})
    assert read(told.info).seed == 5
    plain = a1111.txt2img(prompt="a red apple", seed=5).image
    assert plain.format == "PNG"
    a1111.set_options({"samples_format": "webp"})
    single = a1111.extra_single_image(plain, upscaler_1="Lanczos")
    several = a1111.extra_batch_images([plain, plain], upscaler_1="Nearest")
    a1111.set_options({"samples_format": "png"})
    assert [image.format for image in (single.image, *several.images)] == ["WEBP"] * 3
    told = a1111.custom_post("sdapi/v1/png-info", payload={"image": single.json["image"]})
    assert read(told.info).extra["Postprocess upscaler"] == "Lanczos"


def test_skip_goes_on_with_the_next(a1111: Any) -> None:
    made: list[Any] = []
    asked = threading.Thread(
        target=lambda: made.append(a1111.txt2img(prompt="a boat", steps=60, n_iter=2, seed=20, width=64, height=64))
    )
    asked.start()
    _until(lambda: a1111.get_progress(), lambda told: told["progress"] > 0.02)
    a1111.skip()
    asked.join(60)
    assert made[0].info["all_seeds"] == [21]


def test_a_client_that_leaves_ends_its_job(a1111: Any, address: str) -> None:
    import socket

    host, port = address.removeprefix("http://").split(":")
    body = b'{"prompt": "a tree", "steps": 1000}'
    head = f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection((host, int(port))) as left:
        left.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        _until(lambda: a1111.get_progress(), lambda told: told["state"]["job_count"] == 1)
    _until(lambda: a1111.get_progress(), lambda told: told["state"]["job_count"] == 0)


def test_webuiapi_is_told_what_is_wrong(a1111: Any) -> None:
    with pytest.raises(RuntimeError, match=r"400.*Sampler not found: none such"):
        a1111.txt2img(prompt="a", sampler_name="none such")
    with pytest.raises(RuntimeError, match=r"404.*Init image not found"):
        a1111.img2img(images=[], prompt="a")
    with pytest.raises(RuntimeError, match=r"404.*Model not found"):
        a1111.interrogate(Image.new("RGB", (8, 8)))
    with pytest.raises(RuntimeError, match=r"422.*restores faces"):
        a1111.txt2img(prompt="a", restore_faces=True)
    with pytest.raises(RuntimeError, match=r"422.*sd upscale.*not found"):
        a1111.txt2img(prompt="a", script_name="sd upscale")


def test_jobs_that_wait_say_when_they_will_begin_and_end(address: str) -> None:
    with Client(base_url=address) as client:

        def queued(steps: int) -> str:  # jobs that share no calls, so that they wait for each other
            request = {"prompt": "a boat", "steps": steps, "seed": 1, "size": "64"}
            asked = client.post(
                "/api/jobs", json={"kind": "create", "parameters": {"request": request, "reproducible": True}}
            )
            return str(asked.json()["id"])

        def seen(id: str) -> Any:
            return client.get(f"/api/jobs/{id}").json()

        first = queued(10)
        _until(lambda: seen(first), lambda job: job["state"] == "done")
        ids = [queued(steps) for steps in (1000, 20, 20)]
        _until(lambda: seen(ids[0]), lambda job: job["state"] == "running" and job["eta"])
        last, middle = client.get("/api/jobs?state=queued").json()
        assert 0 < middle["begins_in"] < middle["eta"]
        assert middle["begins_in"] < last["begins_in"] < last["eta"]
        assert seen(first)["begins_in"] is seen(first)["eta"] is None
        for id in ids:
            client.delete(f"/api/jobs/{id}")
        _until(lambda: [seen(id)["state"] for id in ids], lambda states: set(states) == {"cancelled"})


def test_openai_draws(client: openai.OpenAI, root: Path) -> None:
    answer = client.images.generate(prompt="a red apple", n=2, quality="low", size="1024x1024", model="gpt-image-1")
    assert answer.data is not None
    contents = [base64.b64decode(one.b64_json or "") for one in answer.data]
    assert len(set(contents)) == 2
    assert set(contents) <= {path.read_bytes() for path in (root / "outputs").glob("*/*.png")}
    assert answer.size == "128x128"


def test_openai_gives_an_address(client: openai.OpenAI, address: str) -> None:
    answer = client.images.generate(prompt="a red apple", response_format="url", quality="low")
    assert answer.data is not None
    assert (answer.data[0].url or "").startswith(f"{address}/api/files/outputs/")
    content = client.get((answer.data[0].url or ""), cast_to=bytes)
    assert content.startswith(b"\x89PNG")


def test_openai_streams(client: openai.OpenAI) -> None:
    stream = client.images.generate(prompt="a red apple", stream=True, partial_images=2, quality="high")
    events = list(stream)
    assert [one.type for one in events][-1] == "image_generation.completed"
    partials = [one for one in events if one.type == "image_generation.partial_image"]
    assert 1 <= len(partials) <= 2
    assert [one.partial_image_index for one in partials] == list(range(len(partials)))
    for one in events:
        Image.open(io.BytesIO(base64.b64decode(one.b64_json))).verify()


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_openai_draws_in_other_formats_with_credentials(
    client: openai.OpenAI, tmp_path: Path, format: Literal["jpeg", "webp"]
) -> None:
    answer = client.images.generate(prompt="a red apple", output_format=format, quality="low")
    assert answer.data is not None
    path = tmp_path / "made"
    path.write_bytes(base64.b64decode(answer.data[0].b64_json or ""))
    with Image.open(path) as image:
        assert (image.format or "").lower() == answer.output_format == format
    assert inspect(path).verdict == "signed"
    assert read(read_text(path)).prompt == "a red apple"


def test_a_stream_that_is_left_ends_its_job(client: openai.OpenAI, a1111: Any) -> None:
    stream = client.images.generate(prompt="a boat", n=10, stream=True, partial_images=3, quality="max")
    assert next(iter(stream)).type == "image_generation.partial_image"
    stream.close()
    began = time.monotonic()
    _until(lambda: a1111.get_progress(), lambda told: told["state"]["job_count"] == 0)
    assert time.monotonic() - began < 10  # ten pictures of 64 steps with previews take longer


def test_openai_edits_where_the_mask_is_clear(client: openai.OpenAI) -> None:
    start = np.full((128, 128, 3), 255, np.uint8)
    start[32:96, 32:96] = (200, 30, 30)
    mask = Image.new("RGBA", (128, 128), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (64, 0, 128, 128))
    answer = client.images.edit(
        image=_png(Image.fromarray(start)), mask=_png(mask), prompt="a green pear", quality="low"
    )
    assert answer.data is not None
    made = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json or ""))).convert("RGB"))
    change = np.abs(made.astype(int) - start).mean(axis=(1, 2, 3) if made.ndim == 4 else 2)
    assert change[:, :48].mean() < change[:, 80:].mean() / 2


def test_openai_lists_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["sprites-128"]
    assert client.models.retrieve("sprites-128").owned_by == "figment"


def test_openai_is_told_what_is_wrong(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.images.generate(prompt="a", model="none such")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as bad:
        client.images.generate(prompt="a", background="transparent")
    assert bad.value.param == "background"
    with pytest.raises(openai.BadRequestError) as empty:
        client.images.generate(prompt="")
    assert empty.value.param == "prompt"
    with pytest.raises(openai.BadRequestError):
        client.images.edit(image=b"no picture", prompt="a")


def _until(ask: Any, wanted: Any) -> Any:
    until = time.monotonic() + 180  # a worker may still be starting, on a computer that has other work too
    while not wanted(told := ask()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return told


def _png(image: Image.Image) -> tuple[str, bytes, str]:
    content = io.BytesIO()
    image.save(content, "PNG")
    return "picture.png", content.getvalue(), "image/png"
