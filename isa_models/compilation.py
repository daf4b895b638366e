"""How the inner loops of this package are compiled."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from numba import njit

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def compiled(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Compile `function` to machine code on its first call and keep the code on disk.

    The functions get all their arrays handed in and allocate none, so reference counting (numba's NRT) is switched
    off: counting the dozens of arrays in the engines' state would take longer than the simulation itself.
    """
    options: dict[str, Any] = {"cache": True, "_nrt": False, "error_model": "numpy", "forceinline": True}
    result: Callable[_Parameters, _Result] = njit(**options)(function)
    return result
