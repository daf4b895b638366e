"""The folder `kernels` of an export: the sources as they are, and a short file for each kernel that sets parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dse.export.kernel_table import Kernel, KernelTable
from kernels_asm.arguments import ArgumentBlock
from kernels_asm.assembler import SOURCES


def kernel_files(kernels: KernelTable, users: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the contents of each file by its path in the export.

    `users`: what to say about each kernel by symbol, a line an entry.
    """
    files = {f"kernels/asm/{path}": (SOURCES / path).read_text(encoding="utf-8") for path in kernels.source_files()}
    files["kernels/arguments.inc"] = (
        "// Offsets into the argument block of the kernel that is being assembled.\n#include KERNEL_ARGUMENTS\n"
    )
    for block in kernels.blocks:
        files[f"kernels/{block.function}_arguments.inc"] = block.assembly_offsets()
    for kernel in kernels:
        files[f"kernels/{kernel.symbol}.S"] = _kernel_source(kernel, users.get(kernel.symbol, ()))
    files["kernels.h"] = _header(kernels)
    return files


def _kernel_source(kernel: Kernel, users: Sequence[str]) -> str:
    source = kernel.source.relative_to(SOURCES)
    comments = "".join(f"// {line}\n" for line in users)
    names = [f'#define KERNEL_ARGUMENTS "{kernel.structure}.inc"', f"#define {kernel.defines} {kernel.symbol}"]
    if kernel.callee is not None:
        names.append(f"#define CALLEE {kernel.callee}")
    symbols = "".join(f".equ {name}, {value}\n" for name, value in kernel.parameters.items())
    return (
        f"// void {kernel.symbol}(const struct {kernel.structure} *): asm/{source} with the parameters below.\n"
        f"//\n{comments}\n" + "\n".join(names) + f"\n\n// What each means is said at the top of asm/{source} and of "
        f'the files that it includes.\n{symbols}\n#include "asm/{source}"\n\n'
        '.section .note.GNU-stack, "", %progbits\n'
    )


def _header(kernels: KernelTable) -> str:
    structures = "\n".join(_structure(block) for block in kernels.blocks)
    prototypes = "\n".join(f"void {kernel.symbol}(const struct {kernel.structure} *arguments);" for kernel in kernels)
    return (
        "/* The kernels and their argument blocks. Each keeps the registers that AAPCS64 names. */\n"
        "#ifndef KERNELS_H\n#define KERNELS_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
        f"{structures}\n{prototypes}\n\n#endif\n"
    )


def _structure(block: ArgumentBlock) -> str:
    return f"/* Made from {block.origin}. */\n{block.c_structure()}"
