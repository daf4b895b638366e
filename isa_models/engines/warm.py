"""Run over a trace without a clock: bring caches and branch predictor into the state that a first call leaves."""

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import Caches, CacheShape, access
from isa_models.compilation import compiled
from isa_models.engines.branches import NO_BRANCH, Predictor, mispredicts
from isa_models.engines.lowering import StaticCode

IntArray = NDArray[np.int64]


@compiled
def warm(
    code: StaticCode,
    shape: CacheShape,
    caches: Caches,
    predictor: Predictor,
    learned: int,
    index: IntArray,
    address: IntArray,
) -> None:
    """Touch every address and train every branch of the trace once."""
    count = index.size
    for number in range(count):
        static = index[number]
        size = code.size[static]
        if size > 0:
            access(shape, caches, static, address[number], size, code.is_store[static], 0)
        if code.branch[static] != NO_BRANCH and number + 1 < count:
            mispredicts(predictor, code.branch[static], static, index[number + 1], learned)
