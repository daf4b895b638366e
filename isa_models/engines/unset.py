"""Large arrays that hold anything: taking them from the system anew takes longer than to time most traces."""

import threading

import numpy as np
from numpy.typing import NDArray

_own = threading.local()


def unset_words(name: str, size: int) -> NDArray[np.int64]:
    """Return `size` words, which are the caller's until this thread asks for those of the same name again."""
    arrays: dict[str, NDArray[np.int64]] = _own.__dict__
    if name not in arrays or arrays[name].size < size:
        arrays[name] = np.empty(size, dtype=np.int64)
    return arrays[name][:size]
