"""The bound of a binary dot product follows from how many vector operations a core executes in a cycle."""

from __future__ import annotations

import pytest

from dse.binary_bound import binary_bound
from isa_models import InputError, load_core

VECTOR_OPERATIONS_PER_CYCLE = {
    "cortex-a53": 1.0,
    "cortex-a72": 1.5,
    "neoverse-n1": 2.0,
    "neoverse-v1": 4.0,
}


@pytest.mark.parametrize(("name", "rate"), VECTOR_OPERATIONS_PER_CYCLE.items())
def test_three_operations_for_128_products(name: str, rate: float) -> None:
    assert binary_bound(load_core(name)) == pytest.approx(128 * rate / 3, rel=1e-3)


def test_a_changed_core_has_a_bound_of_its_own() -> None:
    plain = binary_bound(load_core("cortex-a72"))
    narrow = binary_bound(load_core("cortex-a72", {"results_per_cycle": "2"}))
    assert narrow == pytest.approx(128 / 3, rel=1e-3)  # a vector result counts as two
    assert binary_bound(load_core("cortex-a72")) == plain


def test_a_core_without_the_instructions_is_an_error() -> None:
    core = load_core("cortex-a53")
    classes = {name: entry for name, entry in core.classes.items() if not name.startswith("simd_count")}
    with pytest.raises(InputError, match="cnt"):
        binary_bound(core.model_copy(update={"classes": classes}))
