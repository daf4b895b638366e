"""Every row of the instruction-timing table as code, or as left out with the reason."""

from collections.abc import Callable

from isa_models.silicon.float_forms import float_form
from isa_models.silicon.form import Form, LeftOut
from isa_models.silicon.memory_forms import (
    scalar_load_form,
    scalar_store_form,
    vector_load_form,
    vector_store_form,
)
from isa_models.silicon.row_name import RowName, parse
from isa_models.silicon.scalar_forms import scalar_form, scalar_move_form, variable_shift
from isa_models.silicon.store_to_load_forms import store_to_load_form
from isa_models.silicon.vector_forms import hash_form, move_form, vector_form

_Grammar = Callable[[RowName], Form | LeftOut | None]

_GRAMMAR_OF_GROUP: dict[str, _Grammar] = {
    "Scalar load": scalar_load_form,
    "Scalar store": scalar_store_form,
    "Scalar integer": scalar_form,
    "Scalar shift": scalar_form,
    "Scalar bitwise": scalar_form,
    "Scalar condtional": scalar_form,
    "Hash and crypto": hash_form,
    "Vector load": vector_load_form,
    "Vector store (": vector_store_form,
    "Vector element move": move_form,
    "Vector integer": vector_form,
    "Vector bit": vector_form,
    "Vector shift": vector_form,
    "Vector permute": vector_form,
    "Floating point": float_form,
}
"""By how the name of the group starts, spelled as in the source."""

_LEFT_OUT_GROUPS = {
    "Atomic memory operation": "the engines time no ordering between memory accesses",
    "Branch": "what surrounds the branches in the source is not known: its figures hold fetch, prediction and a chain",
}


def form_of(group: str, row: str) -> Form | LeftOut:
    """Return a row of the table as code; rows that no grammar knows are left out and say so."""
    if group in _LEFT_OUT_GROUPS:
        return LeftOut(_LEFT_OUT_GROUPS[group])
    return _form(group, row) or LeftOut("no grammar knows this name")


def _form(group: str, row: str) -> Form | LeftOut | None:
    name = parse(row)
    if group.endswith("store-to-load"):
        return store_to_load_form(row)
    if group == "Scalar nop and move":
        return scalar_move_form(row, name)
    if "(reg) / " in row:
        return variable_shift(row)
    if name is None:
        return None
    for start, grammar in _GRAMMAR_OF_GROUP.items():
        if group.startswith(start):
            return grammar(name)
    return None
