"""What a mistyped word may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown_word(word: str, known: Iterable[str]) -> str:
    """Return what to say of a word that is not among the known ones: "is unknown; did you mean clips? known: ..."."""
    choices = list(known)
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"is unknown; {hint}known: {', '.join(choices)}"
