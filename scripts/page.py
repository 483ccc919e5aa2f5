"""The page's built files: whether they are those of its sources, without a program to build them.

python scripts/page.py types    writes web/openapi.json, of which `npm run types` makes the page's types
python scripts/page.py seal     notes, after a build, of which sources the built files are
python scripts/page.py check    fails when sources or built files have changed since, or the interface has
"""

import json
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
WEB, PAGE = ROOT / "web", ROOT / "src/figment/server/page"
SEAL, INTERFACE = PAGE / "seal.txt", WEB / "openapi.json"
SOURCES = ("src/**/*", "public/**/*", "index.html", "package.json", "package-lock.json", "*.ts", "svelte.config.js")


def digest(folder: Path, patterns: tuple[str, ...]) -> str:
    """One hash of all files of `folder` that match, by name and content."""
    paths = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file() and path != SEAL}
    found = sha256()
    for path in sorted(paths):
        found.update(path.relative_to(folder).as_posix().encode() + b"\0" + sha256(path.read_bytes()).digest())
    return found.hexdigest()


def seal() -> str:
    """What the seal must say."""
    return f"sources {digest(WEB, SOURCES)}\nbuilt {digest(PAGE, ('**/*',))}\n"


def interface() -> dict[str, Any]:
    """The studio's own interface alone, without the foreign ones."""
    from figment.server.app import app
    from figment.server.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        whole = app(Settings(Path(folder), work=False)).openapi()
    paths = {path: said for path, said in whole["paths"].items() if path.startswith("/api/")}
    named, left = dict[str, Any](), [json.dumps(paths)]
    while left:
        text = left.pop()
        for name, said in whole["components"]["schemas"].items():
            if name not in named and f'"#/components/schemas/{name}"' in text:
                named[name] = said
                left.append(json.dumps(said))
    return {**whole, "paths": paths, "components": {"schemas": dict(sorted(named.items()))}}


def described() -> str:
    """What web/openapi.json must hold."""
    return json.dumps(interface(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    match sys.argv[1:]:
        case ["types"]:
            INTERFACE.write_text(described())
        case ["seal"]:
            SEAL.write_text(seal())
        case ["check"]:
            if not SEAL.is_file() or SEAL.read_text() != seal():
                sys.exit("The page in src/figment/server/page is not that of web/; run npm run build there.")
            if INTERFACE.read_text() != described():
                sys.exit("The interface is not what web/openapi.json says; see what scripts/page.py types does.")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
