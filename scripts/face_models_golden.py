"""What the packages' own runtimes say of parts of one photograph: the reference that our networks are tested against.

npm install @tensorflow/tfjs@4.22.0        in the folder that holds PACKAGES; see convert_face_models.py for that
python scripts/face_models_golden.py PACKAGES tests/faceswap/golden/face_models.safetensors
"""

import argparse
import subprocess
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from skimage import data

# Top left corner of the part of skimage's astronaut that is shown, by its side.
PARTS = {112: (60, 170), 128: (60, 160), 150: (40, 150), 192: (20, 130), 224: (10, 110)}
EVERY = 8
"""Of what detectors say at each place, this one in so many is kept."""


def lite(path: Path, picture: NDArray[np.float32]) -> list[NDArray[Any]]:
    """Outputs of a TensorFlow Lite model."""
    interpreter = import_module("ai_edge_litert.interpreter").Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    photo = data.astronaut()
    parts = {size: photo[top : top + size, left : left + size] for size, (top, left) in PARTS.items()}
    folder = options.packages / "mediapipe/mediapipe/modules/face_detection"
    golden: dict[str, NDArray[Any]] = {}
    for name, file, size in (("near", "short_range", 128), ("far", "full_range_sparse", 192)):
        picture = parts[size][None].astype(np.float32) / 127.5 - 1
        values, logits = lite(folder / f"face_detection_{file}.tflite", picture)
        golden |= {f"{name}.values": values[0, ::EVERY], f"{name}.logits": logits[0, ::EVERY, 0]}
    with tempfile.TemporaryDirectory() as work:
        for size, part in parts.items():
            (Path(work) / f"{size}.raw").write_bytes(part.tobytes())
        script = Path(__file__).with_suffix(".js")
        subprocess.run(["node", script, options.packages, work], check=True)
        golden |= {path.stem: np.fromfile(path, np.float32) for path in Path(work).glob("*.out")}
    options.out.parent.mkdir(exist_ok=True)
    save_file({name: np.ascontiguousarray(value) for name, value in golden.items()}, options.out)


if __name__ == "__main__":
    main()
