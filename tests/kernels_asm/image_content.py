"""What is in an assembled image, for tests that compare images."""

from __future__ import annotations

from isa_models import Image


def image_content(elf: bytes) -> tuple[object, ...]:
    """Return all that makes a difference to who runs, times or reads the code of an image."""
    image = Image.from_elf(elf)
    code = [(segment.address, segment.contents) for segment in image.segments if segment.executable]
    lines = [instruction.source for instruction in image.program.instructions]
    assert any(lines)
    return code, image.functions, image.program.texts, lines
