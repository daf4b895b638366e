"""`dse core`: list, show and validate."""

from __future__ import annotations

import json

import pytest

from dse.cli.main import run
from isa_models import list_cores, load_core


@pytest.fixture
def dse(capsys):
    """Run a command line; return exit code, standard output and standard error."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_list(dse):
    code, out, _ = dse("core", "list")
    heading, *lines = out.splitlines()
    assert code == 0
    assert heading.split() == ["name", "kind", "clock", "widths", "description"]
    assert [line.split()[0] for line in lines] == list(list_cores())
    a53 = next(line for line in lines if line.startswith("cortex-a53"))
    assert "in-order" in a53
    assert "issue 2" in a53


def test_list_as_json(dse):
    cores = {core["name"]: core for core in json.loads(dse("core", "list", "--json")[1])}
    assert cores.keys() == set(list_cores())
    a72 = cores["cortex-a72"]
    assert (a72["kind"], a72["clock_hz"], a72["widths"]["decode"]) == ("out-of-order", 1_500_000_000, 3)


def test_show_gives_every_figure_its_source_and_confidence(dse):
    _, out, _ = dse("core", "show", "cortex-a72", "--override", "l2.latency=30")
    lines = [line.split() for line in out.splitlines()]
    assert ["name:", "cortex-a72+l2.latency=30"] in lines
    l2 = next(line for line in lines if line[:1] == ["l2"])
    assert l2[1:3] == ["low", "secondary"]
    assert "latency 30" in " ".join(l2)
    shown = {line[0]: line[1:3] for line in lines if len(line) > 3}
    for name, timing in load_core("cortex-a72").classes.items():
        assert shown[name] == [timing.confidence, timing.source]


@pytest.mark.parametrize("name", list_cores())
def test_every_core_is_shown(dse, name):
    code, out, err = dse("core", "show", name)
    assert (code, err) == (0, "")
    assert f"name: {name}" in out.splitlines()


def test_limits_of_dispatch_are_shown(dse):
    lines = dse("core", "show", "cortex-a72")[1].splitlines()
    assert "queue_inputs: (B 1, I0 1, I1 1, M 2, L 2, S 1, F0 1, F1 1)" in lines


def test_shown_yaml_is_a_core_of_its_own(dse, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(dse("core", "show", "cortex-a53", "--yaml")[1])
    mine, original = load_core(str(path)), load_core("cortex-a53")
    assert mine.model_copy(update={"name": original.name}) == original


def test_show_as_json(dse):
    fields = json.loads(dse("core", "show", "cortex-a53", "--json")[1])
    assert fields["name"] == "cortex-a53"
    assert fields["classes"]["simd_logic"]["source"] in fields["sources"]


def test_validate_tells_what_has_no_entry(dse, tmp_path):
    path = tmp_path / "small.yaml"
    fields = json.loads(dse("core", "show", "cortex-a72", "--json")[1])
    fields["classes"] = {name: fields["classes"][name] for name in ("alu", "load", "branch", "return")}
    path.write_text(json.dumps({name: value for name, value in fields.items() if name != "name"}))
    code, out, _ = dse("core", "validate", path)
    assert code == 0
    assert out.startswith("small: valid, 1.5 GHz, digest ")
    assert "  simd_logic_q, such as and v0.16b, v1.16b, v2.16b\n" in out
    assert "simd_dot_q" in out[out.index("not in its instruction set") :]
    covered = json.loads(dse("core", "validate", path, "--json")[1])
    assert covered["timed"]["logic"] == "alu"
    assert "simd_logic_q" in covered["untimed"]
    assert covered["other_isa"]["simd_dot_q"] == "dotprod"
    assert covered["unused"] == []


def test_validate_tells_what_no_instruction_is_looked_up_by(dse, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: cortex-a53\nclasses: {alu_q: {latency: 2, unit: alu, source: like, confidence: low}}\n")
    code, out, _ = dse("core", "validate", path)
    assert code == 0
    assert "entries that no instruction is looked up by: alu_q\n" in out


@pytest.mark.parametrize("name", list_cores())
def test_every_shipped_core_is_valid(dse, name):
    code, out, err = dse("core", "validate", name)
    assert (code, err) == (0, "")
    assert out.startswith(f"{name}: valid")
