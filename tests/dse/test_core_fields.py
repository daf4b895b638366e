"""Numbers of a core's description that can be changed, and what is refused."""

from __future__ import annotations

import pytest

from dse.core_fields import LARGEST_VALUE, check_override, numeric_fields
from dse.errors import UsageError
from isa_models import list_cores, load_core


@pytest.mark.parametrize("name", list_cores())
def test_every_number_can_be_overridden_by_its_own_value(name: str) -> None:
    core = load_core(name)
    fields = numeric_fields(core)
    assert len(fields) > 300
    assert {"l2.latency", "branches.mispredict", "classes.alu.latency"} <= set(fields)
    same = load_core(name, {field: f"{value:g}" for field, value in fields.items() if value <= LARGEST_VALUE})
    assert same.model_copy(update={"name": core.name}) == core


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("name", "1"), ("sources.bench", "1"), ("clock_hz", "1"), ("classes", "1"), ("l2", "1"), ("", "1")),
        *(("classes.alu.ports", "1"), ("__class__", "1"), ("l2.latency.__class__", "1"), ("l2.source", "1")),
        *(("l2.latency", value) for value in ("", "-1", "1e3", "10001", "99999", "1.234", "[1]", "&a", "!!x 1", "٣")),
    ],
)
def test_anything_else_is_refused(field: str, value: str) -> None:
    with pytest.raises(UsageError):
        check_override(load_core("cortex-a72"), field, value)
