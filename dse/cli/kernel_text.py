"""Kernel variants, their descriptions and profiles as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dse.cli.columns import aligned

if TYPE_CHECKING:
    from dse.kernel_check import KernelCheck
    from dse.kernel_description import FunctionDescription, KernelDescription
    from dse.kernel_profile import KernelProfile
    from kernels_asm import ConvShape
    from kernels_asm.any_variant import AnyVariant

OVERVIEW_HINTS = """\
--layer HxWxCINxCOUT lists those that can compute a layer, with --fused the fused ones,
--accumulator and --only PART narrow the list, dse kernel show, run and profile VARIANT tell more about one,
and dse kernel compare sets the best against references and int8"""


def overview(what: str, parts: Sequence[Mapping[str, object]], variants: Sequence[AnyVariant]) -> str:
    """Return what variants of a kind, `what`, there are: parameters, values, how many combinations are legal."""
    rows = [("parameter", "written as", "listed", "meaning")]
    for part in parts:
        listed = part["listed"]
        count = len(listed) if isinstance(listed, list) else 0
        rows.append((str(part["name"]), str(part["form"]), f"{count:,}", str(part["meaning"])))
    form = "-".join(str(part["name"]).upper() for part in parts)
    lines = [f"{what} is written {form}, such as {variants[0]}", *aligned(rows)]
    lines.append(f"{len(variants):,} legal combinations of the listed values; others can be given as well")
    return "\n".join(lines)


def listing(
    able: Sequence[AnyVariant], considered: int, shape: ConvShape, registers: Sequence[Mapping[str, int]]
) -> str:
    """Return one line a variant with its vector registers; `considered`: variants of which these are the able ones."""
    names = list(registers[0])
    rows = [("variant", *(name.replace("_", " ") for name in names))]
    rows += [(str(variant), *(str(use[name]) for name in names)) for variant, use in zip(able, registers, strict=True)]
    heading = f"{len(able):,} of {considered:,} variants can compute layer {shape}; vector registers that each uses:"
    return "\n".join([heading, *aligned(rows)])


def description(kernel: KernelDescription) -> str:
    """Return a variant's parameters, registers and sizes, then its instructions with their source lines."""
    from kernels_asm.tile import VECTOR_REGISTERS

    plan = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in kernel.registers.items() if name != "used")
    sizes = ", ".join(f"{name} {size:,} bytes" for name, size in kernel.data_bytes.items())
    parameters = [(parameter.name, parameter.text, parameter.meaning) for parameter in kernel.parameters]
    lines = [
        f"{kernel.variant} for layer {kernel.shape}",
        *(f"source: {function.source}" for function in kernel.functions),
        *(f"  {line}" for line in aligned(parameters)),
        *(f"assembler symbols{_of(function, kernel)}: {_symbols(function)}" for function in kernel.functions),
        f"vector registers in the window loop: {kernel.registers['used']} of {VECTOR_REGISTERS} ({plan})",
        f"packed data: {sizes}",
    ]
    for function in kernel.functions:
        lines += [
            f"code{_of(function, kernel)}: {len(function.instructions):,} instructions",
            "",
            *_instructions(function),
            "",
        ]
    return "\n".join(lines[:-1])


def check_line(check: KernelCheck) -> str:
    """Return what a run has shown, in one line."""
    results = []
    for name, (height, width, channels) in check.outputs.items():
        kind = "bits" if name == "bits" else "values"
        element = "" if name == "bits" else f" of {check.element}"
        count = f"{height * width * channels:,}"
        results.append(f"{name} {height}x{width}x{channels}{element}, all {count} {kind} identical with the oracle")
    return (
        f"{check.variant}, layer {check.shape}, seed {check.seed}: {check.instructions:,} instructions for "
        f"{check.shape.products:,} products; {'; '.join(results)}"
    )


def profile_heading(profile: KernelProfile) -> str:
    """Return the kernel's own figures, which stand above the report of its simulation."""
    timing = profile.timing
    return (
        f"{timing.variant}, layer {timing.shape}: {timing.shape.products:,} binary products in "
        f"{profile.milliseconds:.3f} ms at {profile.core.clock_hz / 1e9:g} GHz; "
        f"{profile.outputs} identical with the oracle\n"
        f"{timing.products_per_cycle:.1f} products a cycle, {profile.share:.1%} of the {profile.bound:.1f} that "
        f"{profile.core.name} could do with EOR, CNT and ADD alone"
    )


def _of(function: FunctionDescription, kernel: KernelDescription) -> str:
    """Return what tells the functions of a kernel apart, where it has several."""
    return f" of {function.name}" if len(kernel.functions) > 1 else ""


def _symbols(function: FunctionDescription) -> str:
    return ", ".join(f"{name}={value}" for name, value in function.symbols.items())


def _instructions(function: FunctionDescription) -> Iterator[str]:
    rows = [("address", "word", "source", "instruction")]
    rows += [(f"{one.address:#x}", f"{one.word:08x}", one.source or "", one.text) for one in function.instructions]
    return aligned(rows)
