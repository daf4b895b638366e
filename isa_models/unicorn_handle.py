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


def add_compiled_hook(uc: unicorn.Uc, kind: int, callback: int, user_data: int) -> None:
    """Register the C function at address `callback` for all events of `kind`, with `user_data` as its last argument.

    The caller keeps callback and user data alive as long as `uc`.
    """
    handle = ctypes.c_size_t()
    everywhere = (ctypes.c_uint64(1), ctypes.c_uint64(0))  # begin > end: no limit on addresses
    status = binding.uclib.uc_hook_add(
        uc._uch, ctypes.byref(handle), kind, ctypes.c_void_p(callback), ctypes.c_void_p(user_data), *everywhere
    )
    if status != unicorn.UC_ERR_OK:
        raise unicorn.UcError(status)


def stop_function() -> int:
    """Address of `uc_err uc_emu_stop(uc_engine *)`, to be called by compiled hooks."""
    return address_of(binding.uclib.uc_emu_stop)


def read_function() -> int:
    """Address of `uc_err uc_reg_read(uc_engine *, int register, void *value)`, to be called by compiled hooks."""
    return address_of(binding.uclib.uc_reg_read)


def address_of(function: Any) -> int:
    """Address of a C function that ctypes holds."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0
