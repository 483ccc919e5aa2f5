"""The page in a browser: seconds to its first usable view, compressed size, and long tasks while a job streams.

python benchmarks/page.py [--views 10] [--steps 200]

Times are also given as a ratio to those of an empty page that the same browser loads from the same server, since they
depend on what else the computer does.
"""

import argparse
import gzip
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright
from studio_process import studio

PAGE = Path(__file__).parents[1] / "src/figment/server/page"
WATCH = """() => {
    window.long = []
    new PerformanceObserver((list) => list.getEntries().forEach((one) => window.long.push(one.duration)))
        .observe({type: "longtask", buffered: false})
}"""


def first_view(browser: Browser, address: str, path: str, selector: str) -> float:
    """Seconds until a new visitor sees `selector`."""
    context = browser.new_context(base_url=address, locale="en-US")
    page = context.new_page()
    begun = time.perf_counter()
    page.goto(path, wait_until="commit")
    page.locator(selector).first.wait_for()
    seconds = time.perf_counter() - begun
    context.close()
    return seconds


def long_tasks(page: Page, address: str, steps: int) -> list[float]:
    """Milliseconds of all tasks over 50 ms while a job of `steps` steps runs with live previews."""
    page.goto(f"{address}/#/create")
    page.get_by_label("What is to be seen").fill("a red apple")
    page.get_by_label("Steps", exact=True).fill(str(steps))
    page.evaluate(WATCH)
    page.keyboard.press("Control+Enter")
    page.locator("article", has_text="Done").first.wait_for(timeout=600_000)
    found: list[float] = page.evaluate("window.long")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=10)
    parser.add_argument("--steps", type=int, default=200)
    asked = parser.parse_args()
    size = sum(len(gzip.compress(path.read_bytes())) for path in PAGE.rglob("*") if path.is_file())
    print(
        f"compressed: {size / 1000:.1f} kB, of which the first view needs {first_files() / 1000:.1f} kB (gate 300 kB)"
    )
    with (
        tempfile.TemporaryDirectory() as root,
        studio(Path(root)) as (_process, port),
        sync_playwright() as playwright,
    ):
        address = f"http://127.0.0.1:{port}"
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        empty, whole = (
            sorted(first_view(browser, address, *what) for _ in range(asked.views))
            for what in (("/icon.svg", "svg"), ("/", "textarea"))
        )
        print(
            f"first usable view: median {median(whole):.2f} s, worst {whole[-1]:.2f} s (gate 1 s); "
            f"{median(whole) / median(empty):.1f} times a lone picture's {median(empty):.2f} s"
        )
        page = browser.new_page(locale="en-US")
        tasks = long_tasks(page, address, asked.steps)
        print(f"while a job of {asked.steps} steps streamed: {len(tasks)} tasks over 50 ms, longest "
              f"{max(tasks, default=0):.0f} ms (gate 100 ms)")  # fmt: skip
        browser.close()


def first_files() -> int:
    """Compressed bytes of what the index names."""
    index = (PAGE / "index.html").read_text()
    needed = [path for path in PAGE.rglob("*") if path.is_file() and path.name in index]
    return len(gzip.compress(index.encode())) + sum(len(gzip.compress(path.read_bytes())) for path in needed)


if __name__ == "__main__":
    main()
