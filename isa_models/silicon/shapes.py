"""Arrangements of Advanced SIMD registers by element: what `{full}`, `{wide}` and the like stand for in templates."""

_LETTERS = "bhsdq"
_FULL = {"b": "16b", "h": "8h", "s": "4s", "d": "2d", "q": "1q"}
_HALF = {"b": "8b", "h": "4h", "s": "2s", "d": "1d"}


def shapes(element: str) -> dict[str, str]:
    """Return the arrangements around an element, by the names that templates use.

    `e`, `we`, `ne`: letter of the element, of one twice and of one half as wide; `full`, `half`: a 128-bit and a 64-bit
    register of it; `wfull`: 128 bits of the wider one; `nfull`, `nhalf`: of the narrower one; `bits`: its width.
    """
    position = _LETTERS.index(element)
    wider = _LETTERS[position + 1 : position + 2]
    narrower = _LETTERS[position - 1] if position else ""
    return {
        "e": element,
        "we": wider,
        "ne": narrower,
        "full": _FULL[element],
        "half": _HALF[element],
        "wfull": _FULL.get(wider, ""),
        "nfull": _FULL.get(narrower, ""),
        "nhalf": _HALF.get(narrower, ""),
        "bits": str(8 << position),
    }


def fill(template: str, mnemonic: str, element: str, **more: str) -> str:
    """Fill in everything but `{d}` and `{s}`, which are kept for `form.simple`."""
    return template.format(m=mnemonic, d="{d}", s="{s}", **shapes(element), **more)
