"""When the lines of one access are in L1: those on their way, those that it misses, those prefetched behind it."""

from isa_models.caches import IN_L1, IN_L2, IN_MEMORY
from isa_models.compilation import compiled
from isa_models.engines.events import Events, first_level, is_from_memory, prefetched, second_level
from isa_models.engines.fills import Fills, arrival_of, fill, fill_ahead, note_arrival


@compiled
def lines_here(
    fills: Fills, events: Events, access: int, before: int, fetched: int, base: int, now: int
) -> tuple[int, int, int]:
    """Fetch what the access at cycle `now` misses; return when its lines are here, where they were, and `fetched`.

    `before`, `fetched`: number of the last line fetched before the segment, and so far; `base`: base cycle of `events`.
    """
    what = events.what[access]
    level = first_level(what)
    arrival, fetched = _line(fills, level, events.wait[access], before, fetched, base, now)
    other_level = second_level(what)
    if other_level != IN_L1 or events.second_wait[access] != 0:
        other, fetched = _line(fills, other_level, events.second_wait[access], before, fetched, base, now)
        arrival = max(arrival, other)
        level = max(level, other_level)
    for line in range(prefetched(what)):
        fetched += 1
        source = IN_MEMORY if is_from_memory(what, line) else IN_L2
        note_arrival(fills, fetched, fill_ahead(fills, source, now))
    return arrival, level, fetched


@compiled
def _line(fills: Fills, level: int, wait: int, before: int, fetched: int, base: int, now: int) -> tuple[int, int]:
    arrival = base + wait if wait > 0 else 0
    if wait < 0:
        arrival = arrival_of(fills, before - wait, fetched)
    if level != IN_L1:
        fetched += 1
        arrival = fill(fills, level, now, arrival)
        note_arrival(fills, fetched, arrival)
    return arrival, fetched
