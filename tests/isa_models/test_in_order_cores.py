"""The descriptions of in-order cores and of the boards that they are on."""

import pytest

from isa_models import InputError, load_core, time_trace
from isa_models.core import InOrderCore
from tests.isa_models.snippets import assemble, repeated_trace


def cycles(source: str, core_name: str, overrides: dict[str, str] | None = None) -> int:
    return time_trace(repeated_trace(assemble([source])[0], 1), load_core(core_name, overrides)).cycles


@pytest.mark.parametrize(("board", "core"), [("raspberry-pi-3", "cortex-a53"), ("raspberry-pi-4", "cortex-a72")])
def test_board_has_the_pipeline_of_its_core(board, core):
    assert load_core(board).classes == load_core(core).classes
    assert load_core(board).sources["board"]


def test_boards_have_their_clock_and_caches():
    pi3, pi4 = load_core("raspberry-pi-3"), load_core("raspberry-pi-4")
    assert (pi3.clock_hz, pi3.l1.size_kib, pi3.l2.size_kib) == (1_200_000_000, 32, 512)
    assert (pi4.clock_hz, pi4.l1.size_kib, pi4.l1.ways, pi4.l2.size_kib) == (1_500_000_000, 32, 2, 1024)


def test_nothing_of_the_cortex_a55_counts_as_measured():
    core = load_core("cortex-a55")
    assert isinstance(core, InOrderCore)
    assert {entry.confidence for entry in core.classes.values()} == {"low"}
    parts = (core.l1, core.l2, core.memory, core.prefetcher, core.split, core.branches, core.fetch)
    assert {part.confidence for part in parts} == {"low"}


def test_cortex_a55_pairs_a_load_of_64_bits_with_a_whole_register_and_the_cortex_a53_does_not():
    pair = "fmla v0.4s, v1.4s, v2.4s\nldr d3, [x28]"
    assert cycles(pair, "cortex-a55") == 1
    assert cycles(pair, "cortex-a53") == 2


def test_cortex_a55_has_dot_products_and_the_cortex_a53_refuses_them():
    assert cycles("udot v0.4s, v1.16b, v2.16b", "cortex-a55") == 1
    with pytest.raises(InputError, match="dotprod"):
        cycles("udot v0.4s, v1.16b, v2.16b", "cortex-a53")


@pytest.mark.parametrize(
    ("source", "between"),
    [
        ("fdiv {}0, {}0, {}1", 8),
        ("fsqrt {}0, {}0", 8),
        ("fdiv v0.{}, v0.{}, v1.{}", 8),
        ("fsqrt v0.{}, v0.{}", 8),
        ("fmaxnmv h0, v0.{}", 4),
    ],
)
def test_cortex_a55_times_all_of_half_precision(source, between):
    for shape in ("4h", "8h") if "v0" in source else ("h",):
        chain = [source.replace("{}", shape)] * 9
        assert cycles("\n".join(chain), "cortex-a55") - cycles(chain[0], "cortex-a55") == 8 * between


@pytest.mark.parametrize(
    ("atomic", "load", "between"),
    [
        ("swp x1, x2, [x28]", "ldr x1, [x28]", 9),  # load, addition, operation
        ("swp x1, x2, [x28]", "ldr x1, [x28, #8]", 6),  # one operation waits for the other
    ],
)
def test_a_load_waits_for_an_atomic_operation_on_its_bytes(atomic, load, between):
    chain = [f"{load}\nadd x1, x1, #1\n{atomic}"] * 9
    assert cycles("\n".join(chain), "cortex-a55") - cycles(chain[0], "cortex-a55") == 8 * between


@pytest.mark.parametrize(
    ("source", "field"), [("cnt v0.16b, v0.16b", "simd_count"), ("add v0.16b, v0.16b, v1.16b", "simd_arithmetic")]
)
def test_disputed_latencies_of_the_cortex_a55_can_be_overridden(source, field):
    chain = "\n".join([source] * 9)
    plain = cycles(chain, "cortex-a55")
    assert cycles(chain, "cortex-a55", {f"classes.{field}.latency": "4"}) == plain + 8 * 2


@pytest.mark.parametrize(("most", "kept"), [("low", "low"), ("medium", "medium"), ("high", "high")])
def test_inherited_confidence_lowers_what_is_surer(tmp_path, most, kept):
    path = tmp_path / "like-a53.yaml"
    path.write_text(f"extends: cortex-a53\ninherited_confidence: {most}\n")
    core, base = load_core(str(path)), load_core("cortex-a53")
    assert core.classes["simd_logic"].confidence == kept
    assert core.memory.confidence == "low"
    assert core.classes["simd_logic"].latency == base.classes["simd_logic"].latency


def test_own_entries_keep_their_confidence(tmp_path):
    path = tmp_path / "like-a53.yaml"
    path.write_text("extends: cortex-a53\ninherited_confidence: low\nclasses: {alu: {latency: 2, confidence: high}}\n")
    assert load_core(str(path)).classes["alu"].confidence == "high"


def test_wrong_inherited_confidence_is_one_line(tmp_path):
    path = tmp_path / "like-a53.yaml"
    path.write_text("extends: cortex-a53\ninherited_confidence: certain\n")
    with pytest.raises(InputError, match=r"like-a53\.yaml: inherited_confidence: must be one of high, medium, low"):
        load_core(str(path))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("fetch.width", "3", "fetch.width: "),
        ("fetch.source", "hearsay", "fetch.source: 'hearsay'"),
        ("address_early", "-1", "address_early: "),
        ("classes.store.forward", "0", "classes.store.forward: "),
        ("classes.branch.bubble", "-1", "classes.branch.bubble: "),
    ],
)
def test_wrong_field_of_an_in_order_core_is_named(field, value, expected):
    with pytest.raises(InputError) as caught:
        load_core("cortex-a53", {field: value})
    assert expected in str(caught.value)
