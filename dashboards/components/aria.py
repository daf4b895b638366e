"""Attributes for people who do not see a page; their names are no Python ones."""

from __future__ import annotations

from typing import Any


def aria(**attributes: str) -> dict[str, Any]:
    """Return `aria(label="Pages")` as the keyword arguments of a component."""
    return {f"aria-{name}": text for name, text in attributes.items()}
