"""Every wrong input is one line on standard error and exit code 2 (usage) or 1 (failure), and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys

import optuna
import pytest

from dse.cli.main import run


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BNN_DSE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def dse(capsys):
    """Run a command line; return exit code, standard output and standard error."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("study run --core cortex-a7", 2, "did you mean cortex-a7"),
        ("study run --dataset fashion-mnist-smal", 2, "did you mean fashion-mnist-small?"),
        ("study run --network tinny", 2, "did you mean tiny?"),
        (f"study run --seed {2**64}", 2, "--seed"),
        (f"train --seed {2**64}", 2, "--seed"),
        ("study run --override l2.latency", 2, "write FIELD=VALUE"),
        ("study run --override l2.latency=fast", 2, "l2.latency"),
        ("study run --trials 0", 2, "--trials"),
        ("study run --trials many", 2, "--trials"),
        ("study run --widths 0.5,2", 2, "must hold 1"),
        ("study run --widths 1,wide", 2, "write numbers"),
        ("study run --spec missing.toml", 2, "spec missing.toml: cannot be read"),
        ("study run --set parameters.clip=[0]", 2, "did you mean clips?"),
        ("study run --set parameters.clips=[3]", 2, "parameters.clips must hold 0"),
        ("study run --sampler tp", 2, "--sampler: input should be 'tpe'"),
        ("study run --enqueue missing.txt", 2, "designs missing.txt: cannot be read"),
        ("study run --set clips", 2, "write FIELD=VALUE"),
        (
            "study run --set parameters.widths=[1.0,20.0]",
            2,
            "parameters.widths: input should be less than or equal to 16, not 20.0",
        ),
        (
            "study run --set parameters.depths=[1.0,1e9]",
            2,
            "parameters.depths: input should be less than or equal to 16, not 1000000000.0",
        ),
        ("study init missing/study.toml", 1, "No such file"),
        ("study run --accuracy-at-most 85", 2, "--accuracy-at-most"),
        (
            "study run --report missing/report.html",
            2,
            "missing/report.html: give the path of a file",
        ),
        ("study run --storage missing/study.db", 1, "there is no directory missing"),
        ("study run --storage .", 1, "is a directory"),
        ("study run --dataset cifar10 --data-dir .", 2, "cifar-10-binary.tar.gz: no such file"),
        ("study run --dataset cifar100 --data-dir .", 2, "cifar-100-binary.tar.gz: no such file"),
        ("study run --dataset image-folder --data-dir .", 2, "train: no such folder"),
        ("study run --dataset image-folder-65 --data-dir .", 2, "image-folder-64, image-folder-96"),
        ("study run --dataset image-folder --download", 2, "leave --download out"),
        ("study run --nonsense", 2, "--nonsense"),
        ("study show nothing.db", 2, "there is no storage nothing.db"),
        ("study report nothing.db", 2, "there is no storage nothing.db"),
        ("verify --trial 0", 2, "there is no storage study.db"),
        ("core show cortex-a7", 2, "did you mean cortex-a7"),
        ("core validate missing.yaml", 2, "missing.yaml"),
        ("network show tinny", 2, "did you mean tiny?"),
        ("nonsense", 2, "nonsense"),
    ],
)
def test_one_line_and_no_storage(dse, tmp_path, arguments, code, expected):
    returned, out, err = dse(*arguments.split())
    assert (returned, out) == (code, "")
    assert expected in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "study.db").exists()


@pytest.mark.parametrize(
    "content", ["clock_ghz: [", "- a\n- list\n", "extends: nothing\n", "extends: cortex-a72\nwidth: x\n"]
)
def test_malformed_core_names_the_file(dse, tmp_path, content):
    (tmp_path / "mine.yaml").write_text(content)
    code, _, err = dse("core", "validate", "mine.yaml")
    assert code == 2
    assert "mine.yaml" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "command", ["study run --storage {}", "study show {}", "study report {}", "verify --trial 0 --storage {}"]
)
def test_file_that_is_no_database(dse, tmp_path, command):
    (tmp_path / "notes.txt").write_text("these are my notes\n")
    code, _, err = dse(*command.format("notes.txt").split())
    assert code == 1
    assert "not a SQLite database" in err
    assert err.count("\n") == 1
    assert (tmp_path / "notes.txt").read_text() == "these are my notes\n"


def test_study_of_another_program(dse):
    optuna.create_study(study_name="theirs", storage="sqlite:///study.db").ask()
    for command in ("study show", "study run --name theirs"):
        code, _, err = dse(*command.split())
        assert code == 2
        assert "was not made by dse" in err


def test_unknown_study_lists_the_known(dse):
    optuna.create_study(study_name="theirs", storage="sqlite:///study.db")
    code, _, err = dse("study", "show", "--name", "mine")
    assert code == 2
    assert "no study 'mine'" in err
    assert "theirs" in err


def test_debug_shows_the_traceback(dse):
    _, _, err = dse("study", "show", "nothing.db", "--debug")
    assert "Traceback" in err
    assert err.rstrip().splitlines()[-1].startswith("error: there is no storage")


@pytest.mark.parametrize("arguments", ["--help", "study run --help", "study show nothing.db"])
def test_help_and_errors_load_neither_torch_nor_numba(arguments):
    program = (
        "import sys; from dse.cli.main import run; run(sys.argv[1:]);"
        "heavy = {'torch', 'numba', 'dash'} & sys.modules.keys(); sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments.split()], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
