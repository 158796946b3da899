"""Run ``tools/tour.ipynb``, and take the screenshots of the manual from its outputs, light and dark.

    python3 tools/screenshots.py

It needs chromium and the packages of the extras ``apps`` and ``docs``.  The screenshots are in ``tools/docs/images``,
and their figures differ each time.
"""

from __future__ import annotations

import copy
import importlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Sequence

ROOT = Path(__file__).resolve().parent.parent
TOUR = ROOT / "tools" / "tour.ipynb"
IMAGES = ROOT / "tools" / "docs" / "images"
SHOTS: Dict[str, Sequence[str]] = {
    "notebook": ("peers = [",),
    "plot": ("client.plot()",),
    "session": ("with bt.Session(local) as session:",),
}
"""By the name of the image, how the cells on it begin."""
THEMES = ("light", "dark")
WIDTH, HEIGHT = 860, 1600
"""Pixels of the window of the browser; what is empty below is cut off."""
MARGIN = 12
"""Pixels that stay around the cells."""
MAX_SIZE = 150_000
"""Bytes of an image."""
TIMEOUT = 120.0
"""Seconds for the notebook, and for each screenshot."""
CHROMIUM = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)


def executed(folder: Path) -> Any:
    """Return the tour with its outputs."""
    read: Any = importlib.import_module("nbformat").read
    client: Any = importlib.import_module("nbclient").NotebookClient
    tour = read(TOUR, 4)
    client(tour, timeout=int(TIMEOUT), resources={"metadata": {"path": str(folder)}}).execute()
    return tour


def page(tour: Any, begins: Sequence[str], theme: str) -> str:
    """Return some cells of a notebook as HTML that loads nothing."""
    shown = copy.deepcopy(tour)
    shown.cells = [cell for cell in tour.cells if cell.source.startswith(tuple(begins))]
    make: Any = importlib.import_module("nbconvert").HTMLExporter
    exporter = make(theme=theme, require_js_url="", jquery_url="", mathjax_url="", mermaid_js_url="")
    html, _ = exporter.from_notebook_node(shown)
    return str(html)


def shoot(html: str, target: Path, folder: Path) -> None:
    """Take the screenshot of a page, and cut off what is empty."""
    from PIL import Image, ImageChops

    source, shot = folder / "page.html", folder / "page.png"
    source.write_text(html, encoding="utf-8")
    profile = tempfile.mkdtemp(dir=folder)
    window = [f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={shot}"]
    subprocess.run([*CHROMIUM, *window, source.as_uri()], check=True, timeout=TIMEOUT, stderr=subprocess.DEVNULL)
    with Image.open(shot) as opened:
        image = opened.convert("RGB")
    empty = Image.new("RGB", image.size, image.getpixel((WIDTH - 1, HEIGHT - 1)))
    left, top, right, bottom = ImageChops.difference(image, empty).getbbox() or (0, 0, *image.size)
    box = max(0, left - MARGIN), max(0, top - MARGIN), min(WIDTH, right + MARGIN), min(HEIGHT, bottom + MARGIN)
    image.crop(box).quantize(128).save(target, optimize=True)
    if target.stat().st_size > MAX_SIZE:
        raise SystemExit(f"{target} has {target.stat().st_size} bytes, more than {MAX_SIZE}")


def main() -> int:
    """Take all screenshots; return the exit code."""
    if shutil.which(CHROMIUM[0]) is None:
        print("chromium is not installed", file=sys.stderr)
        return 1
    IMAGES.mkdir(exist_ok=True)
    taken: List[Path] = []
    with tempfile.TemporaryDirectory() as folder:
        tour = executed(Path(folder))
        for name, begins in SHOTS.items():
            for theme in THEMES:
                taken.append(IMAGES / f"{name}-{theme}.png")
                shoot(page(tour, begins, theme), taken[-1], Path(folder))
    print("\n".join(f"{path}: {path.stat().st_size} bytes" for path in taken))
    return 0


if __name__ == "__main__":
    sys.exit(main())
