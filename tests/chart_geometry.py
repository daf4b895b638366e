"""Where a browser put the parts of a layer figure."""

from __future__ import annotations

from itertools import product

from playwright.sync_api import Page

BOXES = """elements => elements.map(element => element.getBoundingClientRect())
  .filter(box => box.width > 0).map(box => [box.left, box.top, box.right, box.bottom])"""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels of the page."""


def assert_labels_clear(page: Page, layer_count: int) -> None:
    """Fail unless every layer of `#layers` has its label, and none lies over a bar, a mark or another label."""
    layers = page.locator("#layers")
    labels = layers.locator(".annotation").evaluate_all(BOXES)
    drawn = layers.locator(".barlayer .point path, .scatterlayer .point").evaluate_all(BOXES)
    assert len(labels) == layer_count
    assert len(drawn) >= layer_count
    assert not [(label, box) for label, box in product(labels, drawn) if _overlap(label, box)]
    assert not [(one, other) for one, other in product(labels, labels) if one is not other and _overlap(one, other)]


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
