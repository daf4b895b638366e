"""The families of stall reasons cover what the timing engines can name, and can be told apart."""

from __future__ import annotations

import itertools
import math

import pytest

from dse.chart_theme import DARK, LIGHT, STALL_COLOURS, Theme
from dse.stall_families import UNATTRIBUTED, StallFamily, family_of, group_stalls
from isa_models import list_cores, load_core
from isa_models.engines.stalls import FIRST_PORT, reason_count, reason_name
from isa_models.operand_syntax import FIRST_VECTOR, FLAGS, REGISTER_COUNT
from isa_models.operands import register_name
from isa_models.timing import port_names

LEAST_CONTRAST = 3.0
"""Of a graphical object with what lies beside it: WCAG 2.2, success criterion 1.4.11."""

LEAST_DIFFERENCE = 0.1
"""In OKLab, five times what is just noticed side by side."""


@pytest.mark.parametrize("core", list_cores())
def test_every_reason_of_an_engine_has_a_family(core: str) -> None:
    ports = port_names(load_core(core))
    for reason in range(reason_count(len(ports))):
        register = register_name(reason) if reason < REGISTER_COUNT else None
        family = family_of(reason_name(reason, ports, register))
        assert family is not StallFamily.OTHER, reason_name(reason, ports, register)
        assert (family is StallFamily.PORT) == (reason >= FIRST_PORT)
        assert (family is StallFamily.VECTOR) == (FIRST_VECTOR <= reason < FLAGS)
        assert (family is StallFamily.SCALAR) == (reason < FIRST_VECTOR or reason == FLAGS)


def test_reasons_are_gathered_largest_first() -> None:
    stalls = {"dependence on v3": 10, "port F0": 5, "dependence on v1": 30, "dependence on x2": 0, "moon phase": 1}
    groups = group_stalls(stalls, 50)
    assert {family: group.cycles for family, group in groups.items()} == {
        StallFamily.PORT: 5,
        StallFamily.VECTOR: 40,
        StallFamily.OTHER: 5,
    }
    assert groups[StallFamily.VECTOR].reasons == (("dependence on v1", 30), ("dependence on v3", 10))
    assert groups[StallFamily.OTHER].reasons == ((UNATTRIBUTED, 4), ("moon phase", 1))


def test_covered_layer_has_no_other() -> None:
    assert list(group_stalls({"L1 miss": 3, "front end": 7}, 10)) == [StallFamily.WIDTH, StallFamily.MEMORY]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_colours_stand_out_from_the_page(theme: Theme) -> None:
    background = luminance(theme.surface)
    for colour in STALL_COLOURS.values():
        darker, lighter = sorted((background, luminance(colour)))
        assert (lighter + 0.05) / (darker + 0.05) >= LEAST_CONTRAST, colour


def test_colours_differ() -> None:
    assert set(STALL_COLOURS) == set(StallFamily)
    for one, other in itertools.combinations(STALL_COLOURS.values(), 2):
        assert math.dist(oklab(one), oklab(other)) >= LEAST_DIFFERENCE, (one, other)


def linear(colour: str) -> tuple[float, float, float]:
    """Return the linear red, green and blue (0..1) of "#rrggbb"."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return red, green, blue


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def oklab(colour: str) -> tuple[float, float, float]:
    """Convert to OKLab (Ottosson 2020), in which distances are differences as seen."""
    red, green, blue = linear(colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )
