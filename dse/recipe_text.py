"""How designs are trained, in a few words, and where two ways of it differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def recipe_text(recipe: Mapping[str, Any]) -> str:
    """Return a recipe in a few words, "quick run of 16,000 images": what a table has room for.

    Args:
        recipe: A `Recipe` or a `QuickRecipe` as JSON values; empty where it is not known.

    """
    if "design" in recipe:
        text = f"quick run of {recipe['design']['images']:,} images"
    elif "epochs" in recipe:
        text = f"{recipe['epochs']} epoch{'' if recipe['epochs'] == 1 else 's'}"
    else:
        return "unknown"
    used = recipe.get("train_images")
    return text if used is None else f"{text} of the first {used:,}"


def differing_entries(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of a table that another does not have so, "design.images" for one of a table in it."""
    differing: dict[str, Any] = {}
    for name, value in one.items():
        its = other.get(name)
        if isinstance(value, Mapping) and isinstance(its, Mapping):
            differing |= {f"{name}.{field}": found for field, found in differing_entries(value, its).items()}
        elif value != its:
            differing[name] = value
    return differing
