"""Core descriptions: loading, extending, overriding, and what a wrong one says."""

from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter

from isa_models import InputError, list_cores, load_core
from isa_models.core import Core


@pytest.mark.parametrize("name", list_cores())
def test_every_core_is_valid_and_sourced(name):
    core = load_core(name)
    assert core.name == name
    assert all(timing.source in core.sources for timing in core.classes.values())


def test_override_gives_a_named_variant_with_its_own_digest():
    plain = load_core("cortex-a72")
    variant = load_core("cortex-a72", {"l2.latency": "30"})
    assert variant.l2.latency == 30
    assert variant.name == "cortex-a72+l2.latency=30"
    assert variant.digest != plain.digest
    assert load_core("cortex-a72").digest == plain.digest


def test_a_path_names_a_file(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("extends: cortex-a72\n")
    assert load_core(path) == load_core(str(path))
    with pytest.raises(InputError, match=r"none\.yaml: no such core file"):
        load_core(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("name", "overrides", "expected"),
    [
        ("cortex-a27", {}, "did you mean cortex-a76 or cortex-a72"),
        ("zx81", {}, "known: "),
        ("missing.yaml", {}, "no such core file"),
        ("cortex-a72", {"l2.lat": "3"}, "l2.lat: "),
        ("cortex-a72", {"l2.latency": "slow"}, "l2.latency: "),
        ("cortex-a72", {"l2.size_kib": "900"}, "l2: 900 KiB"),
        ("cortex-a72", {"classes.nonsense.latency": "3"}, "no field 'classes.nonsense'"),
        ("cortex-a72", {"classes.alo.latency": "3"}, "no field 'classes.alo' to go into: did you mean alu?"),
        ("cortex-a72", {"features": "[dotprd]"}, "--override features=[dotprd]: features.0: 'dotprd' is no ISA"),
        ("cortex-a72", {"features": "[dotprd]"}, "did you mean dotprod?"),
        ("cortex-a72", {"features": "[nosuch]"}, "known: crc, "),
        ("cortex-a72", {"classes.nosuch": "{latency: 3}"}, "--override classes.nosuch={latency: 3}: classes.nosuch: "),
        ("cortex-a72", {"classes.alu.ports": "[Z9]"}, "port 'Z9'"),
        ("cortex-a72", {"classes.alu.source": "hearsay"}, "classes.alu.source: 'hearsay'"),
        ("cortex-a72", {"window": "["}, "not valid YAML"),
        ("cortex-a72", {"l2.line_bytes": "128"}, "l2.line_bytes: must be that of L1, 64, got 128"),
        ("cortex-a53", {"l1.line_bytes": "32"}, "l2.line_bytes: must be that of L1, 32, got 64"),
        ("cortex-a72", {"writeback_ports": "[Z9]"}, "writeback_ports: port 'Z9'"),
        ("cortex-a72", {"writeback_ports": "[]"}, "writeback_ports: "),
        ("cortex-a72", {"store_drain": "1.234"}, "store_drain: must have two decimals at most, got 1.234"),
        ("cortex-a72", {"classes.store.forward": ".inf"}, "classes.store.forward: "),
        ("cortex-a72", {"queue_inputs": "{Z9: 1}"}, "queue_inputs: port 'Z9'"),
        ("cortex-a72", {"queue_inputs.F0": "0"}, "queue_inputs.F0: "),
        ("cortex-a72", {"queue_hold": "33"}, "queue_hold: "),
        ("cortex-a72", {"dispatch_width": "0"}, "dispatch_width: "),
        ("neoverse-n1", {"dispatch_width": "4"}, "dispatch_width: limits the queues that queue_inputs names"),
        ("cortex-a72", {"fetch_ahead": "100000000000000000000"}, "fetch_ahead: "),
        ("cortex-a72", {"memory.latency": "9223372036854775807"}, "memory.latency: "),
        ("cortex-a72", {"memory.latency": "99999999999999999999"}, "memory.latency: "),
        ("cortex-a72", {"memory.latency": "9" * 5000}, "memory.latency="),
        ("cortex-a72", {"memory.latency": "2024-99-99"}, "not valid YAML"),
        ("cortex-a72", {"branches.learned_iterations": "99999999999999999999"}, "branches.learned_iterations: "),
        ("cortex-a72", {"branches.mispredict": "10001"}, "branches.mispredict: "),
        ("cortex-a72", {"l2.size_kib": "1073741824"}, "l2.size_kib: "),
        ("cortex-a72", {"l1.ways": "1000000000"}, "l1.ways: "),
        ("cortex-a72", {"l1.fill_cycles": "10001"}, "l1.fill_cycles: "),
        ("cortex-a72", {"prefetcher.trigger": "1000000001"}, "prefetcher.trigger: "),
        ("cortex-a72", {"results_per_cycle": "1000000001"}, "results_per_cycle: "),
        ("cortex-a72", {"classes.alu.latency": "10001"}, "classes.alu.latency: "),
        ("cortex-a72", {"classes.alu.temporaries": "65"}, "classes.alu.temporaries: "),
        ("cortex-a53", {"classes.alu.issue": "10001"}, "classes.alu.issue: "),
        ("cortex-a53", {"classes.alu.bubble": "10001"}, "classes.alu.bubble: "),
        ("cortex-a53", {"address_early": "10001"}, "address_early: "),
        ("cortex-a53", {"clock_hz": "1000000000001"}, "clock_hz: "),
        (
            "cortex-a72",
            {"store_split": "{bytes: 16, latency: 0, source: hearsay, confidence: low}"},
            "store_split.source: 'hearsay'",
        ),
    ],
)
def test_wrong_input_is_one_line(name, overrides, expected):
    with pytest.raises(InputError) as caught:
        load_core(name, overrides)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_number_has_bounds():
    """One that needs more than 64 bits would fail in the engines, or wrap around."""
    numbers = list(numbers_of(TypeAdapter(Core).json_schema(), ""))
    assert len(numbers) > 50
    assert [place for place, schema in numbers if "enum" not in schema and "maximum" not in schema] == []


def numbers_of(schema: object, place: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield each schema of a number within a JSON schema, and where it is."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number"):
            yield place, schema
        for key, inner in schema.items():
            yield from numbers_of(inner, f"{place}/{key}")


def test_extends_changes_only_what_it_says(tmp_path):
    path = tmp_path / "fast.yaml"
    path.write_text("extends: cortex-a72\nclock_hz: 2000000000\nclasses: {simd_logic: {latency: 2}}\n")
    core = load_core(str(path))
    base = load_core("cortex-a72")
    assert core.name == "fast"
    assert core.clock_hz == 2_000_000_000
    assert core.classes["simd_logic"].latency == 2
    assert core.classes["simd_logic"].ports == base.classes["simd_logic"].ports
    assert core.classes["alu"] == base.classes["alu"]


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("simd_logicc", "did you mean simd_logic"),
        ("simd_logicc_q", "did you mean simd_logic"),
        ("fidv.4s", "did you mean fdiv.4s"),
        ("fdiv.3s", "did you mean fdiv.s or fdiv.4s?"),
        ("zx81", "docs/instructions.md lists their names"),
        ("", "docs/instructions.md lists their names"),
    ],
)
def test_a_misspelled_class_is_refused_with_what_is_near(tmp_path, key, near):
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: cortex-a72\nclasses: {{'{key}': {{latency: 2}}}}\n")
    with pytest.raises(InputError) as caught:
        load_core(str(path))
    assert f"mine.yaml: classes.{key}: '{key}' is no instruction class: {near}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_extension_that_is_not_emulated_may_be_declared():
    assert set(load_core("neoverse-v1").features) >= {"bf16", "i8mm"}
    assert load_core("cortex-a72", {"features": "[i8mm]"}).features == ("i8mm",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, 2\nb: 3\n", "broken.yaml:2: not valid YAML"),
        ("- a\n- b\n", "mapping of fields"),
        ("extends: nowhere\n", "unknown core 'nowhere'"),
        ("extends: broken\n", "extends itself"),
        ("kind: sideways\n", "broken.yaml: "),
    ],
)
def test_malformed_file_is_one_line_with_its_name(tmp_path, text, expected):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_core(str(path))
    assert expected in str(caught.value)
    assert "broken.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)
