"""Neoverse N1 and the cores that share its pipeline: which instructions get in each other's way, and which do not.

The cycles are those of the measured table, or follow from the ports that its throughputs tell. Streams write each
register once in a while and read only registers that nothing writes.
"""

from collections.abc import Iterator

import pytest

from isa_models import Core, InputError, Simulator, load_core, random_buffer, simulate

CORE = "neoverse-n1"
SHORT, LONG = 100, 300

# Cycles of one pass over a few lines of code, repeated without a loop. x0 points to zeros, x1 is 0.
STEADY = {
    # Integer: three pipes, one of which does everything that takes two or more cycles
    "three additions a cycle": (1.0, "add x2, x9, x10\nadd x3, x9, x10\nadd x4, x9, x10"),
    "a small shift costs nothing": (1.0, "add x2, x9, x10, lsl #2\nadds x3, x9, x10, lsl #3\neor x4, x9, x10, ror #17"),
    "far shifts, CRC and BFI share one pipe": (3.0, "add x2, x9, x10, lsl #17\ncrc32x w3, w9, x10\nbfi x4, x9, #3, #8"),
    "flags of a shifted operand take that pipe too": (2.0, "ands x2, x9, x10, lsl #2\ntst x9, x10, lsl #2"),
    "zeroing takes no pipe": (1.0, "mov x2, #0\nadd x3, x9, x10\nadd x4, x9, x10\nadd x5, x9, x10"),
    "four zeroed vectors a cycle": (1.0, "movi v0.16b, #0\nmovi v1.16b, #0\nmovi v2.2d, #0\nmovi v3.4s, #0"),
    "a product leaves the pipe to others": (3.0, "mul x2, x9, x10\n" + "add x3, x9, x10\n" * 8),
    "products wait for the multiplier": (4.0, "mul x2, x9, x10\nsmull x3, w9, w10"),
    "a quotient leaves the multiplier alone": (5.0, "udiv x2, x9, x10\nmul x3, x9, x10"),
    "addends come late": (1.0, "smaddl x2, w9, w10, x2"),
    # Advanced SIMD: V0 multiplies, V1 shifts
    "two logic operations a cycle": (1.0, "eor v0.16b, v30.16b, v31.16b\ncnt v1.16b, v31.16b"),
    "a binary dot product is three turns of two pipes": (
        1.5,
        "eor v1.16b, v30.16b, v31.16b\ncnt v2.16b, v29.16b\nuadalp v3.8h, v28.16b",
    ),
    "accumulation of pairs is forwarded": (1.0, "uadalp v0.8h, v31.16b"),
    "accumulation of differences is forwarded": (1.0, "uaba v0.16b, v30.16b, v31.16b"),
    "forwarding stays within a class": (8.0, "uadalp v0.8h, v31.16b\nuaba v0.8h, v30.8h, v31.8h"),
    "saturating accumulation is not forwarded": (4.0, "sqdmlal v0.4s, v30.4h, v31.4h"),
    "a whole register of products takes two turns": (2.0, "mla v0.8h, v30.8h, v31.8h"),
    "shifts and products are apart": (2.0, "mul v0.8h, v30.8h, v31.8h\nshl v1.8h, v31.8h, #2\nsshr v2.8h, v31.8h, #2"),
    "shifts share a pipe with saturating narrowing": (2.0, "shl v0.8h, v31.8h, #2\nsqxtn v1.8b, v31.8h"),
    "two dot products of bytes a cycle": (1.0, "udot v0.4s, v30.16b, v31.16b\nsdot v1.4s, v30.16b, v31.16b"),
    "four-register look-ups are three turns": (1.5, "tbl v0.16b, {v28.16b-v31.16b}, v27.16b"),
    "into what is kept they are five": (2.5, "tbx v0.16b, {v28.16b-v31.16b}, v27.16b\nmovi v0.2d, #0"),
    "an inserted register is needed before what is kept": (2.0, "ins v0.d[1], x9"),
    "a reduction of bytes is two turns of V1": (2.0, "addv b0, v31.16b"),
    # Floating point: conversions by two elements, roots by four lanes
    "addends of fused products come late": (2.0, "fmadd d0, d30, d31, d0"),
    "two doubles convert in one turn": (1.0, "fcvtzs v0.2d, v31.2d"),
    "four singles convert in two": (2.0, "fcvtzs v0.4s, v31.4s"),
    "eight halves convert in four": (4.0, "frintn v0.8h, v31.8h"),
    "four roots side by side": (7.0, "\n".join(f"fsqrt s{n}, s31" for n in range(4))),
    "or one of four lanes": (7.0, "fsqrt v0.4s, v31.4s"),
    "two roots of doubles side by side": (14.0, "fsqrt d0, d31\nfsqrt d1, d31"),
    # Loads: two turns a cycle, one for each 64-bit general or 128-bit vector register
    "two loads a cycle": (1.0, "ldr q0, [x0]\nldr x2, [x0, #16]"),
    "loads and work overlap": (
        1.0,
        "ldr q0, [x0]\nldr q1, [x0, #16]\neor v2.16b, v30.16b, v31.16b\ncnt v3.16b, v31.16b",
    ),
    "a pair is two turns": (1.0, "ldp x2, x3, [x0]"),
    "a list of three is three": (1.5, "ld1 {v0.16b-v2.16b}, [x0]"),
    "a copied element needs a vector pipe": (1.0, "ld1r {v0.16b}, [x0]\nld1r {v1.16b}, [x0]"),
    "four interleaved registers": (5.0, "ld4 {v0.16b-v3.16b}, [x0]"),
    "a lane meets what is kept late": (2.0, "ld1 {v0.b}[3], [x0]"),
    "an address takes four cycles": (4.0, "ldr x1, [x0, x1]"),
    "over the end of a line eleven": (11.0, "add x9, x0, #60\nldr x1, [x9, x1]"),
    # Stores
    "two stores into one block a cycle": (1.0, "str x9, [x0]\nstr x10, [x0, #8]"),
    "one where the blocks change": (2.0, "str x9, [x0]\nstr x10, [x0, #16]"),
    "write-back is a third integer turn for two": (
        2.0,
        "str x9, [x0], #0\nstr x9, [x11], #0\nstr x9, [x12], #0",
    ),
    "sixteen bytes take three cycles": (3.0, "str q31, [x0]"),
    "as a pair of registers does": (3.0, "stp x9, x10, [x0]"),
    "more take six": (12.0, "stp q30, q31, [x0]\nst4 {v28.16b-v31.16b}, [x0]"),
    "a lane is two turns of the vector pipes": (2.0, "st1 {v31.d}[1], [x0]\nld1r {v0.2d}, [x11]\nld1r {v1.2d}, [x11]"),
    # From a store to a load
    "through memory and back": (5.5, "str x9, [x0]\nldr x9, [x0]"),
    "sixteen bytes 1.25 more than eight": (6.75, "str q0, [x0]\nldr q0, [x0]"),
    "a lane 2.25 more": (7.75, "st1 {v0.d}[1], [x0]\nldr d0, [x0]"),
    "a byte among others has to be written": (11.75, "st1 {v0.b}[15], [x0]\nldr q0, [x0]"),
    "loads pass a slow store": (3.0, "str q31, [x0]\n" + "ldr q0, [x0, #64]\n" * 5),
    "one operation on memory at a time": (13.0, "ldaddal x9, x2, [x0]"),
    "through memory with an operation on it": (19.5, "ldr x9, [x0]\nadd x9, x9, #1\nswp x9, x2, [x0]"),
    "an operation on other bytes": (13.0, "ldr x9, [x0, #8]\nadd x9, x9, #1\nswp x9, x2, [x0]"),
}


@pytest.fixture(scope="module")
def steady() -> dict[str, float]:
    """Cycles of a pass once the pipeline is full."""
    core = load_core(CORE)
    return dict(zip(STEADY, _passes([code for _, code in STEADY.values()], core), strict=True))


def _passes(snippets: list[str], core: Core) -> Iterator[float]:
    lines = [".arch armv8.2-a+dotprod+lse+fp16+crc"]
    for number, snippet in enumerate(snippets):
        for name, count in ((f"short_{number}", SHORT), (f"long_{number}", LONG)):
            lines += [f".globl {name}", f".type {name}, %function", f"{name}:", "mov x11, x0", "mov x12, x0"]
            lines += [f".rept {count}", snippet, ".endr", "ret"]
    simulator = Simulator("\n".join(lines) + "\n")
    for number in range(len(snippets)):
        short, long = (
            simulator.simulate(f"{name}_{number}", core, ["buf:4096", 0]).cycles for name in ("short", "long")
        )
        yield (long - short) / (LONG - SHORT)


@pytest.mark.parametrize("name", STEADY)
def test_steady_cycles(steady, name):
    assert steady[name] == pytest.approx(STEADY[name][0], rel=0.02)


@pytest.mark.parametrize("name", ["cortex-a76", "raspberry-pi-5"])
def test_cores_of_this_pipeline_differ_in_clock_and_caches_alone(name):
    core = load_core(name)
    assert _pipeline(core) == _pipeline(load_core(CORE))
    assert core.clock_hz == 2_400_000_000


def _pipeline(core: Core) -> dict[str, object]:
    entries = {"classes", "prefetcher", "split", "branches"}
    own = {"name", "description", "clock_hz", "sources", "l1", "l2", "memory"}
    timings = {key: timing.model_dump(exclude={"confidence"}) for key, timing in core.classes.items()}
    return core.model_dump(exclude=own | entries) | {"classes": timings}


def test_what_was_measured_on_another_core_is_no_high_confidence():
    assert {timing.confidence for timing in load_core(CORE).classes.values()} == {"high", "medium", "low"}
    assert {timing.confidence for timing in load_core("cortex-a76").classes.values()} == {"medium", "low"}


def test_caches_of_a_raspberry_pi_5():
    core = load_core("raspberry-pi-5")
    assert (core.l1.size_kib, core.l1.ways, core.l2.size_kib) == (64, 4, 512)


def test_data_that_fit_the_larger_l2_only():
    """768 KiB read twice: all hits in the 1 MiB of a Graviton2, misses in the 512 KiB of a Raspberry Pi 5."""
    lines = 768 * 16
    code = f".globl f\nf: mov x2, #{lines}\n0: ldr q0, [x0], #64\nsubs x2, x2, #1\nb.ne 0b\nret\n"
    buffer = random_buffer("data", lines * 64, seed=1)
    fitting, missing = (simulate(code, core, args=[buffer]) for core in (CORE, "raspberry-pi-5"))
    assert fitting.caches["l2_misses"] == 0
    assert missing.caches["l2_misses"] + missing.caches["prefetches"] >= lines // 2
    assert missing.cycles > 2 * fitting.cycles


def test_extensions_that_the_core_lacks_are_refused():
    code = ".arch armv8.3-a\n.globl f\nf: fcadd v0.4s, v1.4s, v2.4s, #90\nret\n"
    with pytest.raises(InputError, match="needs the ISA feature 'fcma'"):
        simulate(code, CORE)
