"""How the inner loops of this package are compiled, and when compiled code is out of date."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from numba import config, njit
from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

_FOLDER = Path(__file__).parent
_COMPILED_SOURCES = ("engines/*.py", "caches.py", "compilation.py", "operand_syntax.py")
"""Files whose functions or constants end up in compiled code."""


@lru_cache(maxsize=1)
def sources_digest() -> str:
    """Content hash, hexadecimal, of every file whose functions or constants end up in compiled code."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _COMPILED_SOURCES for path in _FOLDER.glob(pattern)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class _StampOfAllSources:
    """Compiled code is out of date once any of the sources changed, not only the file of the function itself.

    numba looks at the function's own file alone, but the functions that it calls are compiled into it.
    """

    def get_source_stamp(self) -> str:
        return sources_digest()


class UserProvidedLocator(_StampOfAllSources, UserProvidedCacheLocator):  # type: ignore[misc]
    """Where the environment variable NUMBA_CACHE_DIR points."""


class InTreeLocator(_StampOfAllSources, InTreeCacheLocator):  # type: ignore[misc]
    """Beside the source files."""


class UserWideLocator(_StampOfAllSources, UserWideCacheLocator):  # type: ignore[misc]
    """In the user's cache folder, where the package is not writable."""


_LOCATORS = ",".join(f"{__name__}.{kind.__name__}" for kind in (UserProvidedLocator, InTreeLocator, UserWideLocator))


def compiled(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Compile `function` to machine code on its first call and keep the code on disk.

    The functions get all their arrays handed in and allocate none, so reference counting (numba's NRT) is switched
    off: counting the dozens of arrays in the engines' state would take longer than the simulation itself.
    """
    options: dict[str, Any] = {"cache": True, "_nrt": False, "error_model": "numpy", "forceinline": True}
    before = config.CACHE_LOCATOR_CLASSES
    config.CACHE_LOCATOR_CLASSES = _LOCATORS
    try:
        result: Callable[_Parameters, _Result] = njit(**options)(function)
    finally:
        config.CACHE_LOCATOR_CLASSES = before
    return result
