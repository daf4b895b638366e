"""What the entries of a core description may be called: a misspelled one would time nothing, and say nothing."""

from __future__ import annotations

from isa_models.class_table import CLASSES
from isa_models.isa_features import DECLARABLE_FEATURES
from isa_models.near_match import did_you_mean
from isa_models.operand_table import ROLES

_FORMS = ("_d", "_q")
_SHAPES = ("w", "x", "b", "h", "s", "d", "q", "8b", "16b", "4h", "8h", "2s", "4s", "1d", "2d", "1q")


def known_class(key: str) -> str:
    """Return `key` if it is `CLASS`, `CLASS_FORM`, `MNEMONIC.FORM` or `MNEMONIC.SHAPE`, whether or not that exists.

    Raises ValueError, with what is near, for any other.
    """
    mnemonic, dot, shape = key.partition(".")
    if dot:
        is_known = mnemonic in ROLES and shape in _SHAPES
        known = [f"{mnemonic}.{one}" for one in _SHAPES] if mnemonic in ROLES else [f"{one}.{shape}" for one in ROLES]
    else:
        is_known = key in CLASSES or (key.endswith(_FORMS) and key[:-2] in CLASSES)
        known = sorted(CLASSES)
    if not is_known:
        hint = did_you_mean(key, known, "docs/instructions.md lists their names")
        raise ValueError(f"'{key}' is no instruction class: {hint}")
    return key


def known_feature(name: str) -> str:
    """Return `name` if it is one of `DECLARABLE_FEATURES`; raises ValueError, with what is near, for any other."""
    if name not in DECLARABLE_FEATURES:
        hint = did_you_mean(name, DECLARABLE_FEATURES, f"known: {', '.join(DECLARABLE_FEATURES)}")
        raise ValueError(f"'{name}' is no ISA feature: {hint}")
    return name
