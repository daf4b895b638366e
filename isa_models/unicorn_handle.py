"""The one place that touches private parts of Unicorn's Python binding: its C handle and library object.

The binding's own `hook_add` wraps every callback in Python. Compiled callbacks need the C function, which takes the
engine's handle. Both are private, so the version of Unicorn is pinned, and `available` tells whether they are there.
"""

from __future__ import annotations

import ctypes
from typing import Any

import unicorn
from unicorn.unicorn_py3 import unicorn as binding


def available() -> bool:
    """Whether this version of the binding has the parts that compiled hooks need."""
    return hasattr(binding, "uclib") and hasattr(binding.uclib, "uc_hook_add")


def add_compiled_hook(uc: unicorn.Uc, kind: int, callback: int, user_data: int, begin: int = 1, end: int = 0) -> None:
    """Register the C function at address `callback` for events of `kind`, with `user_data` as its last argument.

    Events at addresses from `begin` to `end`, inclusive; everywhere where `begin` is larger. The caller keeps callback
    and user data alive as long as `uc`.
    """
    handle = ctypes.c_size_t()
    limits = (ctypes.c_uint64(begin), ctypes.c_uint64(end))
    status = binding.uclib.uc_hook_add(
        uc._uch, ctypes.byref(handle), kind, ctypes.c_void_p(callback), ctypes.c_void_p(user_data), *limits
    )
    if status != unicorn.UC_ERR_OK:
        raise unicorn.UcError(status)


def close(uc: unicorn.Uc) -> None:
    """Free the engine now. The binding does so once `uc` is garbage, but hooks put it into cycles of references."""
    finalizer = getattr(uc, "_Uc__finalizer", None)
    if finalizer is not None:
        finalizer()


def engine(uc: unicorn.Uc) -> int:
    """Address of the `uc_engine`, the first argument of Unicorn's functions."""
    return uc._uch.value or 0


def stop_function() -> int:
    """Address of `uc_err uc_emu_stop(uc_engine *)`, to be called by compiled hooks."""
    return address_of(binding.uclib.uc_emu_stop)


def read_function() -> int:
    """Address of `uc_err uc_reg_read(uc_engine *, int register, void *value)`, to be called by compiled hooks."""
    return address_of(binding.uclib.uc_reg_read)


def address_of(function: Any) -> int:
    """Address of a C function that ctypes holds."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0
