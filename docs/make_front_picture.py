"""Draws the Pareto front of a study as `docs/front.png`, the picture in the README.

Run from the root of the repository, with Debian's Chromium installed (apt-get install chromium):

    .venv/bin/python docs/make_front_picture.py study.db
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import plotly.graph_objects as go
from playwright.sync_api import sync_playwright

from dashboards.source import StudySource
from dse.charts import front_figure
from dse.errors import DseError

WIDTH = 900
HEIGHT = 480
SCALE = 2


def main() -> int:
    """Read the command line and write the picture; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("storage", help="SQLite file of the study")
    parser.add_argument("--name", help="name of the study, if the storage holds several")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("front.png"))
    arguments = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("error: chromium is not installed (Debian: apt-get install chromium)", file=sys.stderr)
        return 2
    try:
        results = StudySource(arguments.storage, arguments.name).snapshot().results
    except DseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    draw(front_figure(results, selected=None), chromium, arguments.output)
    return 0


def draw(figure: go.Figure, chromium: str, output: Path) -> None:
    """Render `figure` on white in the browser and write it as PNG."""
    figure.update_layout(width=WIDTH, height=HEIGHT, paper_bgcolor="white", margin={"l": 60, "r": 24, "t": 20, "b": 50})
    html = figure.to_html(include_plotlyjs=True, config={"staticPlot": True})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH + 40, "height": HEIGHT + 40}, device_scale_factor=SCALE)
        page.set_content(html)
        page.wait_for_selector(".scatterlayer .point")
        page.locator(".js-plotly-plot").screenshot(path=output)
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
