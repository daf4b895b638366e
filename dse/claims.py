"""Claims on evaluations: of all processes that share a cache, one makes a record, and the others wait for it.

A claim is a file beside the record, made by its owner alone (O_EXCL), which names the owner; a heartbeat moves its time
of modification. Who finds a living claim waits; who finds a dead one (`dse.liveness`) takes it over by making the next
one in number, of which again only one process can be the maker. The last claim is the one that holds.

A process that was taken for dead but was only halted goes on when it wakes, so that in this one case an evaluation is
made twice; of two records the cache keeps the first.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from dse.cache import EvaluationCache, Record
from dse.liveness import HEARTBEAT, Watch, heartbeat, this_process

FIRST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 1.0
"""Seconds between two looks at somebody else's claim: they double from the first to the longest."""


def obtain(
    cache: EvaluationCache,
    kind: str,
    content: Mapping[str, Any],
    make: Callable[[], Record],
    activity: Callable[[str], None] = lambda _what: None,
) -> tuple[Record, bool]:
    """Return the record of `content` and whether it was made now, not by another process or earlier.

    Args:
        cache: Where the record is looked up.
        kind: Kind of the record.
        content: What the record depends on.
        make: Evaluates, stores the record and returns it; whatever it raises goes through.
        activity: Told in a few words while another process makes the record.

    Raises:
        CacheError: The cache cannot be used.

    """
    record = cache.load(kind, content)
    if record is not None:
        return record, False
    with _claimed(cache, cache.record_path(kind, content), partial(take_claim, watch=Watch(), activity=activity)):
        record = cache.load(kind, content)
        return (make(), True) if record is None else (record, False)


def obtain_all(
    cache: EvaluationCache,
    kind: str,
    contents: Sequence[Mapping[str, Any]],
    make: Callable[[Sequence[int]], Sequence[Record]],
    activity: Callable[[str], None] = lambda _what: None,
) -> list[Record]:
    """Return the records of several contents: those that nobody has made or is making are made together.

    Others are waited for behind that, while no claim is held, so that no two processes wait for each other.

    Args:
        cache: Where the records are looked up.
        kind: Their kind.
        contents: What each depends on.
        make: Evaluates those at these places, stores their records and returns them; whatever it raises goes through.
        activity: Told in a few words while another process makes a record.

    Raises:
        CacheError: The cache cannot be used.

    """
    records = [cache.load(kind, content) for content in contents]
    with ExitStack() as claims:
        own = []
        for place in [place for place, record in enumerate(records) if record is None]:
            if claims.enter_context(_claimed(cache, cache.record_path(kind, contents[place]), _try_claim)):
                records[place] = cache.load(kind, contents[place])
                own += [place] if records[place] is None else []
        for place, record in zip(own, make(own) if own else (), strict=True):
            records[place] = record
    return [
        record or obtain(cache, kind, contents[place], partial(_make_one, make, place), activity)[0]
        for place, record in enumerate(records)
    ]


def _make_one(make: Callable[[Sequence[int]], Sequence[Record]], place: int) -> Record:
    return make([place])[0]


@contextmanager
def _claimed(cache: EvaluationCache, record: Path, claim: Callable[[Path], int | None]) -> Iterator[bool]:
    """Hold the claim on a record inside the block, or not where `claim` makes none; tell which."""
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        number = claim(record)
    except OSError as error:
        raise cache.unwritable(error) from error
    if number is None:
        yield False
        return
    try:
        with heartbeat(lambda: _touch(_claim(record, number)), HEARTBEAT):
            yield True
    finally:
        _release(record, number)


def take_claim(record: Path, watch: Watch, activity: Callable[[str], None]) -> int:
    """Wait until nobody alive holds a claim on the record, then make one and return its number."""
    pause = FIRST_PAUSE
    while (number := _look_and_claim(record, watch, activity)) is None:
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return number


def _try_claim(record: Path) -> int | None:
    """Make a claim on the record and return its number, or None where somebody alive holds one."""
    return _look_and_claim(record, Watch(), lambda _what: None)


def _look_and_claim(record: Path, watch: Watch, activity: Callable[[str], None]) -> int | None:
    while True:
        last = max(_numbers(record), default=-1)
        if last >= 0 and not _is_dead(_claim(record, last), watch, activity):
            return None
        if _make(_claim(record, last + 1)):
            return last + 1


def _claim(record: Path, number: int) -> Path:
    return record.with_name(f"{record.name}.claim{number}")


def _numbers(record: Path) -> list[int]:
    prefix = f"{record.name}.claim"
    names = (entry.name for entry in os.scandir(record.parent) if entry.name.startswith(prefix))
    return [int(name.removeprefix(prefix)) for name in names]


def _make(claim: Path) -> bool:
    """Make a claim in this process's name; return False if another process was faster."""
    try:
        handle = os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(this_process(), file)
    except BaseException:  # a claim without an owner would be waited for
        with suppress(OSError):
            claim.unlink(missing_ok=True)
        raise
    return True


def _is_dead(claim: Path, watch: Watch, activity: Callable[[str], None]) -> bool:
    """Return whether a claim's owner has died; False for a claim that is gone, as who looks again sees."""
    try:
        owner = json.loads(claim.read_text(encoding="utf-8"))
        sign = claim.stat().st_mtime_ns
    except FileNotFoundError:
        return False
    except ValueError:  # its owner is writing it, or died while it did
        owner, sign = None, None
    if owner is not None:
        activity(f"waiting for process {owner['pid']} on {owner['host']}, which evaluates the same")
    return watch.is_dead(claim.name, owner, sign)


def _touch(claim: Path) -> None:
    with suppress(OSError):  # a claim that is gone has been taken over, and a disk that fails now may not the next time
        os.utime(claim)


def _release(record: Path, number: int) -> None:
    """Delete a claim and those that it was taken over from, the oldest first, so that no dead one is ever the last."""
    with suppress(OSError):  # what cannot be deleted dies with this process
        for older in sorted(one for one in _numbers(record) if one <= number):
            _claim(record, older).unlink(missing_ok=True)
