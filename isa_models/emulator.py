"""One Unicorn engine that holds one image: maps memory, runs a function, and turns faults into errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import unicorn
from unicorn import arm64_const, unicorn_const

from isa_models import registers, unicorn_handle
from isa_models.errors import InputError
from isa_models.faults import Ending, FaultReporter, InvalidAccess
from isa_models.hooks import Hooks, Stop
from isa_models.image import Image, Segment
from isa_models.memory import PAGE_BYTES, Placement, Region

LARGEST_BUDGET = 10**15
"""Instructions, which take months and are counted in 64 bits."""

STACK_BYTES = 256 << 10
STACK_TOP = 0x3_0000_0000
RETURN_ADDRESS = 0x4_0000_0000
"""What the link register holds; never mapped. Reaching it is returning."""

_READ, _WRITE, _EXECUTE = unicorn_const.UC_PROT_READ, unicorn_const.UC_PROT_WRITE, unicorn_const.UC_PROT_EXEC

HooksFactory = Callable[[unicorn.Uc], Hooks]


class Emulator:
    """An engine with its hooks. Not to be shared between threads.

    The processor model is Unicorn's MAX: it has all instructions, whichever core is to be timed.

    Args:
        image: What it runs. Code is mapped without the right to write, and data without the right to execute.
        make_hooks: Adds the hooks; called before anything runs.

    """

    def __init__(self, image: Image, make_hooks: HooksFactory) -> None:
        self._image = image
        self._uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self._uc.ctl_set_cpu_model(arm64_const.UC_CPU_ARM64_MAX)
        self._regions = [_map_segment(self._uc, segment) for segment in image.segments]
        self._regions.append(_map_stack(self._uc))
        self._mapped: dict[int, tuple[int, int]] = {}
        self._access: InvalidAccess | None = None
        self._exception: int | None = None
        self._uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_invalid_access)
        self._uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        self.hooks = make_hooks(self._uc)
        registers.prepare(self._uc, STACK_TOP, RETURN_ADDRESS)
        self._preserved = registers.preserved(self._uc)
        self._ready = self._uc.context_save()

    def close(self) -> None:
        """Give back the engine's memory; call nothing of this any more."""
        unicorn_handle.close(self._uc)

    def load(self, placements: Mapping[str, Placement]) -> None:
        """Map the buffers, and give them, the stack and the image's data their contents."""
        self._map({place.first_page: (place.mapped_bytes, _rights(place)) for place in placements.values()})
        for place in placements.values():
            self._uc.mem_write(place.first_page, place.page_image())
        for segment in self._image.segments:
            if segment.writable:
                self._uc.mem_write(segment.address, segment.contents)
        self._uc.mem_write(STACK_TOP - STACK_BYTES, bytes(STACK_BYTES))

    def run(
        self,
        function: str,
        arguments: Sequence[int],
        budget: int,
        buffers: Sequence[Region],
        vectors: Sequence[int] = (),
    ) -> int:
        """Call a function and return x0.

        Args:
            function: Name of its symbol.
            arguments: Values of x0, x1 and so on; at most eight.
            budget: Instructions that it may execute, at most `LARGEST_BUDGET`.
            buffers: Regions that errors can name, besides the image's own.
            vectors: Values of v0, v1 and so on, as 128-bit integers; at most eight.

        Raises:
            InputError: The budget is too large.
            EmulationError: It did not return.

        """
        if budget > LARGEST_BUDGET:
            raise InputError(f"budget is {budget} instructions: give at most {LARGEST_BUDGET}, months of emulation")
        self._uc.context_restore(self._ready)
        for register, value in zip(registers.GENERAL, arguments, strict=False):
            self._uc.reg_write(register, value)
        for register, value in zip(registers.VECTORS, vectors, strict=False):
            self._uc.reg_write(register, value)
        ending = self._start(self._image.address_of(function), budget)
        if ending is not None:
            regions = [*self._regions, *buffers]
            raise FaultReporter(self._uc, self._image.program, function, regions, budget).error(ending)
        return int(self._uc.reg_read(arm64_const.UC_ARM64_REG_X0))

    def check_preserved(self, function: str) -> None:
        """Raise ClobberedRegisterError if the function that ran last returned without restoring a register."""
        registers.check_preserved(self._uc, self._preserved, function)

    def read(self, place: Placement) -> bytes:
        """Return all bytes of the pages of a buffer."""
        return bytes(self._uc.mem_read(place.first_page, place.mapped_bytes))

    def mapped(self) -> list[tuple[int, int]]:
        """Return the first address of each mapped range, and the one behind it."""
        return [(first, last + 1) for first, last, _ in self._uc.mem_regions()]

    def _start(self, entry: int, budget: int) -> Ending | None:
        """Run from `entry`; return how it ended, None where it returned."""
        self._access = self._exception = None
        error: unicorn.UcError | None = None
        self.hooks.begin(budget)
        try:
            self._uc.emu_start(entry, RETURN_ADDRESS)
        except unicorn.UcError as raised:
            error = raised
        stop = self.hooks.finish()
        returned = self._uc.reg_read(arm64_const.UC_ARM64_REG_PC) == RETURN_ADDRESS
        if returned and error is None and stop is Stop.NONE:
            return None
        return Ending(stop, self._access, self._exception, error, self.hooks.last_block)

    def _map(self, wanted: dict[int, tuple[int, int]]) -> None:
        """Make exactly the wanted pages available; as most calls want those of the call before, this is rarely work."""
        if wanted == self._mapped:
            return
        # each page is noted as it goes and comes, so that the next call finds its way also if this one ends here
        while self._mapped:
            start, (size, _) = self._mapped.popitem()
            self._uc.mem_unmap(start, size)
        for start, (size, rights) in wanted.items():
            try:
                self._uc.mem_map(start, size, rights)
            except unicorn.UcError as error:
                raise InputError(f"no memory for {size} bytes of buffers ({error}): make them smaller") from error
            self._mapped[start] = size, rights

    def _on_invalid_access(
        self, _uc: unicorn.Uc, kind: int, address: int, size: int, _value: int, _data: object
    ) -> bool:
        self._access = InvalidAccess(kind, address, size)
        return False

    def _on_exception(self, uc: unicorn.Uc, number: int, _data: object) -> None:
        self._exception = number
        uc.emu_stop()


def _map_segment(uc: unicorn.Uc, segment: Segment) -> Region:
    first = segment.address // PAGE_BYTES * PAGE_BYTES
    end = -(-segment.end // PAGE_BYTES) * PAGE_BYTES
    rights = _READ | (_EXECUTE if segment.executable else 0) | (_WRITE if segment.writable else 0)
    uc.mem_map(first, end - first, rights)
    uc.mem_write(segment.address, segment.contents)
    return Region(f"the image's {segment.kind}", segment.address, len(segment.contents), segment.writable)


def _map_stack(uc: unicorn.Uc) -> Region:
    uc.mem_map(STACK_TOP - STACK_BYTES, STACK_BYTES, _READ | _WRITE)
    return Region("the stack", STACK_TOP - STACK_BYTES, STACK_BYTES, writable=True)


def _rights(place: Placement) -> int:
    return int(_READ | (_WRITE if place.region.writable else 0))
