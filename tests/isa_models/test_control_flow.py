"""Instructions that a function can reach."""

from __future__ import annotations

import pytest

from isa_models.control_flow import reachable
from isa_models.image import Image


@pytest.mark.parametrize(
    ("body", "reached"),
    [
        ("ret\nnop", {0}),
        ("br x0\nnop", {0}),
        ("b 1f\nnop\n1: ret", {0, 2}),
        ("nop\nbl 1f\nret\nnop\n1: ret", {0, 1, 2, 4}),
        ("blr x0\nret\nnop", {0, 1}),
        ("b.eq 1f\nret\n1: ret", {0, 1, 2}),
        ("cbz x0, 1f\nret\n1: ret", {0, 1, 2}),
        ("cbnz w0, 1f\nret\nnop\n1: ret", {0, 1, 3}),
        ("tbz x0, #33, 1f\nret\n1: ret", {0, 1, 2}),
        ("tbnz w0, #3, 1f\nret\nnop\n1: ret", {0, 1, 3}),
        ("1: subs x0, x0, #1\nb.ne 1b\nb 1b\nnop", {0, 1, 2}),
        ("nop\n.word 0\nret", {0}),
    ],
)
def test_reachable(assemble, body, reached):
    image = Image.from_elf(assemble(body))
    start = image.address_of("f")
    assert {(address - start) // 4 for address in reachable(image.program, start)} == reached
