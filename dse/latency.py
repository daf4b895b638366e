"""Times the kernels of binary layers by emulating them on a core's timing model."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

from dse.cache import Record
from dse.layer_work import LayerWork, time_work, work_kernels, work_key
from isa_models import Core
from kernels_asm.assembler import assemble_together


class EmulatedTimer:
    """A `dse.tile_search.LayerTimer` for one core.

    Args:
        core: The core to time on.

    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._key = lru_cache(maxsize=1 << 12)(partial(work_key, core=core))  # asked for several times in a search

    def key(self, work: LayerWork) -> Mapping[str, Any]:
        """Return what the timing depends on: kernel source, variant, sizes, core and timing model."""
        return self._key(work)

    def prepare(self, works: Sequence[LayerWork]) -> None:
        """Assemble kernels that will be timed: many together take less than each alone."""
        assemble_together([kernel for work in works for kernel in work_kernels(work)])

    def time(self, work: LayerWork) -> Record:
        """Run the kernel in the emulator, compare its output with the oracle, and return where its cycles went.

        Raises as `dse.layer_work.time_work`.
        """
        with _collector_at_rest():
            simulation = time_work(work, self._core)
        return {
            "cycles": simulation.cycles,
            "instructions": simulation.instructions,
            "bound": f"{simulation.bound.what}, {simulation.bound.cycles:,.0f} cycles",
            "stalls": dict(simulation.stalls),
            "ports": dict(simulation.ports),
        }


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Make no search for garbage inside the block: a kernel's many small objects call for dozens, and are soon gone."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
