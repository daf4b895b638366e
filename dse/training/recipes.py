"""Recipes by name and from files that people write."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from dse.errors import UsageError
from dse.near_match import unknown_word
from dse.training.recipe import Recipe

QUICK: Final = Recipe()
"""A short training from scratch. Studies rank designs by `dse.training.quick_recipe.QuickRecipe`, which is shorter."""

FULL: Final = Recipe(epochs=150, batch_size=128, learning_rate=0.005, flip=True, shift=4, label_smoothing=0.1)
"""Trains a network to the end, for accuracies to report: hours on two CPU cores for CIFAR-10."""

RECIPES: Final[Mapping[str, Recipe]] = MappingProxyType({"quick": QUICK, "full": FULL})


def load_recipe(name: str) -> Recipe:
    """Return a recipe by its name in `RECIPES`, or from a TOML file.

    A file holds fields of `Recipe`; `base`, a name, says where those that it leaves out come from ("quick").

    Raises:
        UsageError: There is no such recipe or file, or the file is malformed.

    """
    if name in RECIPES:
        return RECIPES[name]
    path = Path(name)
    if path.suffix != ".toml":
        raise UsageError(f"recipe {name!r} {unknown_word(name, RECIPES)}, or a TOML file")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"recipe {name}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise UsageError(f"recipe {name}: no TOML: {error}") from error
    base = values.pop("base", "quick")
    if not isinstance(base, str) or base not in RECIPES:
        raise UsageError(f"recipe {name}: base {base!r} {unknown_word(str(base), RECIPES)}")
    try:
        return Recipe.from_dict(values, RECIPES[base])
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error


def parse_settings(settings: Iterable[str]) -> dict[str, Any]:
    """Return FIELD=VALUE texts as fields for `Recipe.from_dict`: values as in TOML, or words without quotes.

    Raises:
        UsageError: A text is not of this form, or a field is given twice.

    """
    fields: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = (part.strip() for part in setting.partition("="))
        if not (name and equals and value):
            raise UsageError(f"--set {setting!r}: write FIELD=VALUE, such as weight_decay=1e-4")
        try:
            parsed = tomllib.loads(f"value = {value}")["value"]
        except ValueError:
            parsed = value
        if name in fields:
            raise UsageError(f"--set {setting!r}: {name} is given twice: give it once")
        fields[name] = parsed
    return fields
