from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from dse.cli import plugins
from dse.cli.main import run


@pytest.fixture
def announce(monkeypatch):
    def add(value):
        points = [EntryPoint("extra", value, plugins.GROUP)]
        monkeypatch.setattr(plugins, "entry_points", lambda group: points if group == plugins.GROUP else [])

    return add


def test_announced_command_runs_with_its_options(announce, capsys, monkeypatch):
    def extra(times: int = 1) -> None:
        """Print a word."""
        print("word " * times)

    monkeypatch.setattr(EntryPoint, "load", lambda point: extra)
    announce("package:extra")
    assert run(["extra", "--times", "2"]) == 0
    assert capsys.readouterr().out == "word word \n"


def test_broken_package_does_not_break_the_others(announce, capsys):
    announce("no_such_package:extra")
    assert run(["network", "list"]) == 0
    assert run(["extra"]) == 1
    _, err = capsys.readouterr()
    assert (
        err == "error: command 'extra' cannot be loaded from no_such_package:extra: No module named 'no_such_package'\n"
    )
