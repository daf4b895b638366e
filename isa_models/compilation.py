"""How the inner loops of this package are compiled, and when compiled code is out of date."""

import hashlib
import logging
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from numba import config, njit, types
from numba.core import event
from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator
from numba.core.registry import CPUDispatcher

_log = logging.getLogger(__name__)

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

_FOLDER = Path(__file__).parent
_FOLDER_PREFIX = "compiled-"
_COMPILED_SOURCES = ("engines/*.py", "caches.py", "compilation.py", "operand_syntax.py")
"""Files whose functions or constants end up in compiled code."""


@lru_cache(maxsize=1)
def sources_digest() -> str:
    """Content hash, hexadecimal, of every file whose functions or constants end up in compiled code."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _COMPILED_SOURCES for path in _FOLDER.glob(pattern)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class _FolderOfAllSources:
    """Compiled code is out of date once any of the sources changed, not only the file of the function itself.

    numba looks at the function's own file alone, but the functions that it calls are compiled into it. A folder for
    each state of the sources also keeps numba from reading an index that names types which are there no more.
    """

    def get_source_stamp(self) -> str:
        return f"{sources_digest()} {super().get_source_stamp()}"  # type: ignore[misc]  # the locator mixed into

    def get_cache_path(self) -> str:
        above: str = super().get_cache_path()  # type: ignore[misc]  # the locator mixed into
        return str(Path(above) / f"{_FOLDER_PREFIX}{sources_digest()[:16]}")


class UserProvidedLocator(_FolderOfAllSources, UserProvidedCacheLocator):  # type: ignore[misc]
    """Where the environment variable NUMBA_CACHE_DIR points."""


class InTreeLocator(_FolderOfAllSources, InTreeCacheLocator):  # type: ignore[misc]
    """Beside the source files, where the folders of earlier states are removed."""

    def ensure_cache_path(self) -> None:
        """Make the folder, and remove those of other states of the sources."""
        super().ensure_cache_path()
        current = Path(self.get_cache_path())
        for folder in current.parent.glob(f"{_FOLDER_PREFIX}*"):
            if folder != current:
                shutil.rmtree(folder, ignore_errors=True)


class UserWideLocator(_FolderOfAllSources, UserWideCacheLocator):  # type: ignore[misc]
    """In the user's cache folder, where the package is not writable."""


_LOCATORS = ",".join(f"{__name__}.{kind.__name__}" for kind in (UserProvidedLocator, InTreeLocator, UserWideLocator))


COMPILER_OPTIONS: dict[str, Any] = {
    "_nrt": False,
    "error_model": "numpy",
    "forceinline": True,
    "no_cfunc_wrapper": True,
    "no_cpython_wrapper": True,
}
"""The functions get all their arrays handed in and allocate none, so reference counting (numba's NRT) is switched off:
counting the dozens of arrays in the engines' state would take longer than the simulation itself.

Nor do they get the wrappers by which C and Python call a function: to take dozens of arrays out of Python's objects is
more code than most of the functions are, and it takes a third of all compilation."""


def compiled(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Compile `function` to machine code for other compiled functions: Python cannot call it."""
    dispatcher = _dispatcher(function, **COMPILER_OPTIONS)
    if isinstance(dispatcher, CPUDispatcher):
        dispatcher.__class__ = _WithoutEntry
    result: Callable[_Parameters, _Result] = dispatcher
    return result


def compiled_entry(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Compile `function` to machine code, on its first call, for Python and for other compiled functions."""
    result: Callable[_Parameters, _Result] = _dispatcher(function, **COMPILER_OPTIONS | {"no_cpython_wrapper": False})
    return result


class _WithoutEntry(CPUDispatcher):  # type: ignore[misc]  # numba has no types
    """A compiled function that has no code for calls from Python, where numba would jump to address 0."""

    def __call__(self, *_arguments: Any, **_by_name: Any) -> Any:
        raise TypeError(f"{self.__name__} is for compiled code alone: declare it as compiled_entry to call it here")


class _Announcer(event.Listener):  # type: ignore[misc]  # numba has no types
    """Says once why a first simulation takes so long: without a word it looks as if it hung."""

    def __init__(self) -> None:
        self._told = False

    def on_start(self, started: event.Event) -> None:
        """Called before anything is compiled that was not found on disk."""
        if not self._told and started.data["dispatcher"].py_func.__module__.startswith(_ENGINES):
            self._told = True
            _log.warning("compiling the timing engines, once after an installation or an update: a minute or more")

    def on_end(self, ended: event.Event) -> None:
        """Nothing to say."""


_COMPILE, _ENGINES = "numba:compile", "isa_models.engines."
event.register(_COMPILE, _Announcer())


def cached(decorator: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return one of numba's decorators that keeps compiled code on disk, or does without where it can write no folder.

    There, as in a container that may only be read, every process compiles for itself.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return decorator(*arguments, cache=True, **options)(function)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
            return decorator(*arguments, **options)(function)

    return decorate


def _dispatcher(function: Callable[..., Any], **options: Any) -> Any:
    """Return what compiles `function` when it is needed and keeps the code on disk."""
    before = config.CACHE_LOCATOR_CLASSES
    config.CACHE_LOCATOR_CLASSES = _LOCATORS
    try:
        dispatcher = cached(njit, **options)(function)
    finally:
        config.CACHE_LOCATOR_CLASSES = before
    if isinstance(dispatcher, CPUDispatcher):  # and not the function itself, where compilation is switched off
        dispatcher.get_call_template = _without_literals(dispatcher.get_call_template)
    return dispatcher


def _without_literals(get_call_template: Callable[..., Any]) -> Callable[..., Any]:
    """Let numba compile a function for an integer or a truth value once, and not for each constant once more.

    It meets constants where a call hands one in, and where it looks at a loop for the first time, before it has seen
    that a variable changes: the largest functions were compiled for a first 0 and again for any integer. As all is
    inlined, constants get into the code all the same.
    """

    def get(arguments: tuple[Any, ...], by_name: dict[str, Any]) -> Any:
        of_any_value = {name: types.unliteral(kind) for name, kind in by_name.items()}
        return get_call_template(tuple(map(types.unliteral, arguments)), of_any_value)

    return get
