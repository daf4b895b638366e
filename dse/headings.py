"""Texts as headings and labels begin."""


def heading(text: str) -> str:
    """Return a text with a capital at its beginning and the rest as it is: "Memory KiB"."""
    return text[:1].upper() + text[1:]
