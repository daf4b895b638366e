"""Branch prediction: a two-bit counter per branch, and loop exits once the same run length was seen twice."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled

ALWAYS = 1 << 62
"""As a number of repetitions."""

# Kinds of branch.
NO_BRANCH, DIRECT, CONDITIONAL, INDIRECT, RETURN = range(5)

_STRONGLY_TAKEN = 3
_WEAKLY_TAKEN = 2


class Predictor(NamedTuple):
    """State per static instruction.

    `counter`: two-bit counter; `run`: how often the last direction was repeated; `taken`: the last direction;
    `length`: shape (n, 2), length of the last finished run of each direction; `is_stable`: whether the two last were
    equal; `target`: last target of an indirect branch.
    """

    counter: NDArray[np.int8]
    run: NDArray[np.int64]
    taken: NDArray[np.int8]
    length: NDArray[np.int64]
    is_stable: NDArray[np.bool_]
    target: NDArray[np.int32]


def new_predictor(static_count: int) -> Predictor:
    """Return a predictor that has seen nothing; a conditional branch starts as weakly taken."""
    return Predictor(
        counter=np.full(static_count, _WEAKLY_TAKEN, dtype=np.int8),
        run=np.zeros(static_count, dtype=np.int64),
        taken=np.zeros(static_count, dtype=np.int8),
        length=np.zeros((static_count, 2), dtype=np.int64),
        is_stable=np.zeros((static_count, 2), dtype=np.bool_),
        target=np.full(static_count, -1, dtype=np.int32),
    )


@compiled
def mispredicts(predictor: Predictor, kind: int, static: int, is_taken: bool, target: int, learned: int) -> bool:
    """Predict the branch `static`, learn where it went, and return whether the prediction was wrong.

    `target`: where it jumps if it is taken; `learned`: longest run, in iterations, whose end is predicted.
    """
    if kind == INDIRECT:
        wrong: bool = predictor.target[static] != target
        predictor.target[static] = target
        return wrong
    if kind != CONDITIONAL:
        return False
    taken = 1 if is_taken else 0
    last = predictor.taken[static]
    run = predictor.run[static]
    length = predictor.length[static, last]
    predicted = 1 if predictor.counter[static] >= _WEAKLY_TAKEN else 0
    if predictor.is_stable[static, last] and run <= length <= learned:
        predicted = last if run < length else 1 - last
    _learn(predictor, static, taken)
    return predicted != taken


@compiled
def count_right(predictor: Predictor, kind: int, static: int, is_taken: bool, learned: int) -> int:
    """Return how often in a row the branch `static`, which has just gone this way, is predicted to go there again."""
    if kind != CONDITIONAL:
        return ALWAYS
    taken = 1 if is_taken else 0
    run = predictor.run[static]
    length = predictor.length[static, taken]
    if predictor.is_stable[static, taken] and run <= length <= learned:
        return length - run  # type: ignore[no-any-return]
    return ALWAYS if (predictor.counter[static] >= _WEAKLY_TAKEN) == is_taken else 0


@compiled
def repeat_branch(predictor: Predictor, kind: int, static: int, is_taken: bool, turns: int) -> None:
    """Learn that the branch `static`, which has just gone this way, goes there `turns` times more."""
    if kind == CONDITIONAL:
        predictor.run[static] += turns
        _count(predictor, static, is_taken, turns)


@compiled
def _learn(predictor: Predictor, static: int, taken: int) -> None:
    last = predictor.taken[static]
    if taken == last:
        predictor.run[static] += 1
    else:
        run = predictor.run[static]
        predictor.is_stable[static, last] = predictor.length[static, last] == run
        predictor.length[static, last] = run
        predictor.run[static] = 1
        predictor.taken[static] = taken
    _count(predictor, static, taken == 1, 1)


@compiled
def _count(predictor: Predictor, static: int, is_taken: bool, times: int) -> None:
    """Move the saturating counter of the branch `static` for so many times in one direction."""
    if is_taken:
        predictor.counter[static] = min(predictor.counter[static] + times, _STRONGLY_TAKEN)
    else:
        predictor.counter[static] = max(predictor.counter[static] - times, 0)
