"""The distinct kernels of an exported network: each is one function of one assembly source with its parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kernels_asm.arguments import ArgumentBlock
from kernels_asm.assembler import SOURCES

_INCLUDE = re.compile(r'^\s*#include\s+"([^"]+)"', re.MULTILINE)
_MADE = "arguments.inc"


@dataclass(frozen=True, slots=True)
class Kernel:
    """One function.

    Attributes:
        symbol: Its name.
        block: Its argument block, whose `function` is the name of the structure in C without `_arguments`.
        defines: The function's name in the source, which the symbol replaces.
        source: Assembly source, in kernels_asm/asm.
        parameters: Assembler symbols.
        callee: Symbol of the kernel that it calls; None for none.
    """

    symbol: str
    block: ArgumentBlock
    defines: str
    source: Path
    parameters: Mapping[str, int]
    callee: str | None = None

    @property
    def structure(self) -> str:
        """Name of the argument block's structure in C."""
        return f"{self.block.function}_arguments"


class KernelTable:
    """Kernels in the order in which they were first needed; one that is the same as an earlier one is that one."""

    def __init__(self) -> None:
        self._kernels: dict[tuple[object, ...], Kernel] = {}

    def __iter__(self) -> Iterator[Kernel]:
        return iter(self._kernels.values())

    def add(
        self, source: Path, parameters: Mapping[str, int], arguments: ArgumentBlock, callee: Kernel | None = None
    ) -> Kernel:
        """Return the kernel of that source, parameters and argument block, which calls `callee` by the macro CALLEE."""
        key = (source, tuple(sorted(parameters.items())), arguments, callee and callee.symbol)
        if key not in self._kernels:
            function = arguments.function
            number = 1 + sum(kernel.defines == function for kernel in self)
            structure = f"{function}_{callee.defines}" if callee else function
            self._kernels[key] = Kernel(
                f"{function}_{number}",
                replace(arguments, function=structure),
                function,
                source,
                dict(parameters),
                callee.symbol if callee else None,
            )
        return self._kernels[key]

    @property
    def blocks(self) -> tuple[ArgumentBlock, ...]:
        """The distinct argument blocks."""
        return tuple(dict.fromkeys(kernel.block for kernel in self))

    def source_files(self) -> tuple[Path, ...]:
        """Return every source of kernels_asm/asm that is needed, relative to that folder, sorted."""
        found: set[Path] = set()
        waiting = [kernel.source for kernel in self]
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                names = _INCLUDE.findall(path.read_text(encoding="utf-8"))
                waiting += [path.parent / name for name in names if name != _MADE]
        return tuple(sorted(path.relative_to(SOURCES) for path in found))
