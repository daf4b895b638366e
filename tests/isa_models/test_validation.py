"""The validation page: statistics, reasons, and what the page says."""

import pytest

from isa_models import list_cores, load_core
from isa_models.silicon.data_sets import DataSet, Part, sequence_set
from isa_models.silicon.known_differences import known_differences, why
from isa_models.silicon.statistics import Point, errors_of, held_out
from isa_models.silicon.timing_table import measured_cores, table_rows
from isa_models.silicon.validation_plots import plot
from isa_models.silicon.validation_report import report


def point(measured, simulated, *, is_held_out=False, name="case"):
    return Point(name, measured, simulated, simulated / measured - 1.0, is_held_out, "port F1")


def test_errors_are_absolute():
    errors = errors_of([point(100, 100), point(100, 101), point(100, 95.5), point(100, 80)])
    assert errors.count == 4
    assert errors.worst == pytest.approx(0.20)
    assert errors.mean == pytest.approx(0.06375)
    assert errors.median == pytest.approx(0.0275)
    assert (errors.exact, errors.within_2, errors.within_5, errors.within_10) == (0.25, 0.5, 0.75, 0.75)


def test_no_points_have_no_errors():
    with pytest.raises(ValueError, match="no points"):
        errors_of([])


def test_halves_are_fixed_equal_and_disjoint():
    chosen = held_out(1001, seed=5)
    assert chosen == held_out(1001, seed=5)
    assert chosen != held_out(1001, seed=6)
    assert len(chosen) == 501


def test_every_known_difference_is_about_rows_that_exist():
    rows = [row for _, row in table_rows()]
    for entry in known_differences():
        for quantity in ("latency", "throughput") if entry.quantity == "*" else (entry.quantity,):
            assert any(entry.holds_for(core, row, quantity) for core in measured_cores() for row in rows), entry.why


def test_reasons_are_found_by_core_row_and_quantity():
    assert "bytes of a store and others" in why("neoverse-n1", "str.q -> ldr.q (ofs = 0 -> ofs = 1)", "latency")
    assert "with an addition" in why("neoverse-v1", "ldrb (imm; ofs = 0)", "throughput")
    assert why("neoverse-v1", "ldrb (imm; ofs = 0)", "latency") == ""
    assert why("cortex-a53", "cnt.b", "latency") == ""


@pytest.fixture
def data():
    usual = Part("usual", (point(2.0, 2.0), point(4.0, 5.0, is_held_out=True, name="slow")))
    apart = Part("divisions", (point(10.0, 30.0, name="fdiv"),), is_apart=True)
    return DataSet("z80-mixes", "z80", "z80_mixes.json", "cycles", (usual, apart), {"no such instruction": 3})


def test_page_tells_halves_worst_cases_and_what_is_left_out(data):
    page = report([data], [load_core("cortex-a72")])
    assert "| z80 | z80_mixes.json | checking | 1 | 25.0% | 25.0% | 25.0% | 0.0% | 0.0% | 0.0% |" in page
    assert "| `fdiv` | 10.00 | 30.00 | +200.0% | port F1 |" in page
    assert "Kept apart, see below: divisions." in page
    assert "- 3: no such instruction" in page
    assert page.index("`fdiv`") < page.index("`slow`")


def test_page_counts_confidence_of_every_core(data):
    cores = [load_core(name) for name in list_cores()]
    page = report([data], cores)
    for core in cores:
        high = sum(timing.confidence == "high" for timing in core.classes.values())
        assert f"| {core.name} | {len(core.classes)} | {high} |" in page


def test_exact_cases_are_said_to_be_exact():
    page = report([sequence_set()], [])
    assert (
        "| cortex-a53 | a53_sequences.json | checking | 31 | 0.0% | 0.0% | 0.0% | 100.0% | 100.0% | 100.0% | 100.0% |"
        in page
    )
    assert "Every case is exact." in page


def test_plot_is_the_same_every_time(data, tmp_path):
    for name in ("first", "second"):
        plot(data, tmp_path / name)
    first = (tmp_path / "first").read_text()
    assert first == (tmp_path / "second").read_text()
    assert "checking half" in first
