"""Kernel variants, their descriptions and profiles as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dse.cli.columns import aligned

if TYPE_CHECKING:
    from dse.kernel_description import KernelDescription
    from dse.kernel_profile import KernelProfile
    from kernels_asm import ConvShape, KernelVariant

_MOST_CHOICES = 5
"""Listed values that the overview shows of a parameter."""


def overview(parts: Sequence[Mapping[str, object]], variants: Sequence[KernelVariant]) -> str:
    """Return what variants there are: the parameters, their values, and how many combinations are legal."""
    rows = [("parameter", "written as", "listed", "meaning")]
    for part in parts:
        listed = part["listed"]
        count = len(listed) if isinstance(listed, list) else 0
        rows.append((str(part["name"]), str(part["form"]), f"{count:,}", str(part["meaning"])))
    form = "-".join(str(part["name"]).upper() for part in parts)
    lines = [f"a variant is written {form}, such as {variants[0]}", ""]
    lines += [*aligned(rows), ""]
    lines += [
        f"{len(variants):,} legal combinations of the listed values; any other value can be given as well",
        "--layer HxWxCINxCOUT lists those that can compute a layer, --accumulator and --only PART narrow the list,",
        "dse kernel show, run and profile VARIANT tell more about one",
    ]
    return "\n".join(lines)


def listing(
    able: Sequence[KernelVariant], considered: int, shape: ConvShape, registers: Sequence[Mapping[str, int]]
) -> str:
    """Return one line a variant with its vector registers; `considered`: variants of which these are the able ones."""
    names = list(registers[0])
    rows = [("variant", *(name.replace("_", " ") for name in names))]
    rows += [(str(variant), *(str(use[name]) for name in names)) for variant, use in zip(able, registers, strict=True)]
    heading = f"{len(able):,} of {considered:,} variants can compute layer {shape}; vector registers that each uses:"
    return "\n".join([heading, *aligned(rows)])


def description(kernel: KernelDescription) -> str:
    """Return a variant's parameters, registers and sizes, then its instructions with their source lines."""
    from kernels_asm.assembler import variant_source
    from kernels_asm.tile import VECTOR_REGISTERS

    plan = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in kernel.registers.items() if name != "used")
    sizes = ", ".join(f"{name} {size:,} bytes" for name, size in kernel.data_bytes.items())
    parameters = [(parameter.name, parameter.text, parameter.meaning) for parameter in kernel.parameters]
    lines = [
        f"{kernel.variant} for layer {kernel.shape}",
        f"source: {variant_source(kernel.variant)}",
        *(f"  {line}" for line in aligned(parameters)),
        f"assembler symbols: {', '.join(f'{name}={value}' for name, value in kernel.symbols.items())}",
        f"vector registers in the window loop: {kernel.registers['used']} of {VECTOR_REGISTERS} ({plan})",
        f"packed data: {sizes}",
        f"code: {len(kernel.instructions):,} instructions",
        "",
        *_instructions(kernel),
    ]
    return "\n".join(lines)


def profile_heading(profile: KernelProfile) -> str:
    """Return the kernel's own figures, which stand above the report of its simulation."""
    timing = profile.timing
    return (
        f"{timing.variant}, layer {timing.shape}: {timing.shape.products:,} binary products in "
        f"{profile.milliseconds:.3f} ms at {profile.core.clock_hz / 1e9:g} GHz; output identical with the oracle\n"
        f"{timing.products_per_cycle:.1f} products a cycle, {profile.share:.1%} of the {profile.bound:.1f} that "
        f"{profile.core.name} could do with EOR, CNT and ADD alone"
    )


def _instructions(kernel: KernelDescription) -> Iterator[str]:
    rows = [("address", "word", "source", "instruction")]
    rows += [(f"{one.address:#x}", f"{one.word:08x}", one.source or "", one.text) for one in kernel.instructions]
    return aligned(rows)
