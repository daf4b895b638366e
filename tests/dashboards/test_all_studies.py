"""Several studies in one storage: their fronts together, coloured by core."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from playwright.sync_api import Page, expect

from dashboards import source as source_module
from dashboards.all_studies import AllStudies
from dashboards.app import create_app
from dashboards.background import Background
from dashboards.server import HOST, bind
from dashboards.source import StudySource
from dse.errors import UsageError
from dse.study_fronts import fronts_figure
from dse.study_reader import read_results
from tests.sample_study import (
    CONVENTIONAL,
    NARROW,
    add_complete,
    build_marked_study,
    build_study_of_another_goal,
    create_study,
)

NAMES = ("first on cortex-a53", "second on cortex-a72", "third on cortex-a72")


@pytest.fixture
def several(tmp_path: Path) -> Path:
    path = tmp_path / "several.db"
    for name in NAMES:
        study = create_study(path, name)
        study.set_user_attr("spec", {**study.user_attrs["spec"], "core": name.split()[-1]})
        add_complete(study, CONVENTIONAL)
        add_complete(study, NARROW)
    optuna.create_study(study_name="of another program", storage=f"sqlite:///{path}")
    return path


@pytest.fixture
def several_address(several: Path) -> Iterator[str]:
    background = Background()
    listener = bind(create_app(StudySource(str(several), NAMES[1]), background).server, 0)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://{HOST}:{listener.port}/"
    listener.shutdown()
    thread.join()
    listener.server_close()
    background.close()


def studies_of(storage: Path, name: str | None = None) -> AllStudies:
    """Return the studies of a storage of which one has been shown."""
    source = StudySource(str(storage), name)
    source.snapshot()
    return AllStudies(source)


def test_studies_of_other_programs_are_left_out(several: Path) -> None:
    studies = studies_of(several, NAMES[1]).read("1")
    assert [study.name for study in studies] == list(NAMES)
    figure = fronts_figure(studies)
    colours = [trace.line.color for trace in figure.data]
    assert colours[0] != colours[1] == colours[2]
    assert figure.data[1].marker.symbol != figure.data[2].marker.symbol
    assert not any("epochs" in trace.name for trace in figure.data)


def test_fronts_of_several_trainings_are_named_after_them(several: Path) -> None:
    first, *others = studies_of(several, NAMES[1]).read("1")
    figure = fronts_figure([replace(first, recipe={"epochs": 1}), *others])
    assert [trace.name.endswith(("1 epoch", "3 epochs")) for trace in figure.data] == [True] * 3


def test_storage_of_one_study_has_nothing_to_compare(storage: Path) -> None:
    assert studies_of(storage).read("1") == ()


def test_storage_that_cannot_be_read_has_no_studies(tmp_path: Path) -> None:
    source = StudySource(str(tmp_path / "none.db"), None)
    with pytest.raises(UsageError):
        source.snapshot()
    assert AllStudies(source).read("1") == ()


def test_studies_are_read_once_a_revision(several: Path) -> None:
    studies = studies_of(several, NAMES[1])
    first = studies.read("1")
    study = optuna.load_study(study_name=NAMES[0], storage=f"sqlite:///{several}")
    add_complete(study, {**NARROW, "accumulator": 8})
    assert studies.read("1") is first
    assert studies.read("2")[0] == read_results(study) != first[0]


def test_study_made_anew_is_shown_again(several: Path) -> None:
    studies = studies_of(several, NAMES[1])
    assert [study.name for study in studies.read("1")] == list(NAMES)
    optuna.delete_study(study_name=NAMES[0], storage=f"sqlite:///{several}")
    assert [study.name for study in studies.read("2")] == list(NAMES[1:])
    add_complete(create_study(several, NAMES[0]), NARROW)
    studies.read("3")  # finds the deleted study gone, where its number was not given to the new one
    assert [study.name for study in studies.read("4")] == list(NAMES)


def test_open_storage_is_not_opened_again(several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To open a journal is to read all of it, which takes seconds at 10,000 trials."""
    studies = studies_of(several, NAMES[1])
    monkeypatch.setattr(source_module, "open_storage", lambda _: pytest.fail("opened again"))
    assert len(studies.read("1")) == len(studies.read("2")) == len(NAMES)


def test_state_of_the_storage_follows_other_studies(several: Path) -> None:
    source = StudySource(str(several), NAMES[1])
    source.snapshot()
    before = source.storage_state()
    add_complete(optuna.load_study(study_name=NAMES[0], storage=f"sqlite:///{several}"), NARROW)
    source.snapshot()
    assert source.storage_state() != before


def test_page_follows_the_studies_that_it_does_not_show(
    several: Path, several_address: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(several_address)
    expect(page.locator("#all-studies .legend")).to_contain_text(NAMES[2])
    add_complete(create_study(several, "fourth, begun later"), NARROW)
    expect(page.locator("#all-studies .legend")).to_contain_text("fourth, begun later")


def test_fronts_of_other_objectives_are_not_joined(tmp_path: Path) -> None:
    other = read_results(build_study_of_another_goal(tmp_path / "goal.db"))
    usual = read_results(build_marked_study(tmp_path / "usual.db"))
    assert [trace.mode for trace in fronts_figure([other, usual]).data] == ["markers", "lines+markers"]


def test_page_shows_all_fronts(several_address: str, open_page: Callable[..., Page]) -> None:
    page = open_page(several_address)
    expect(page.locator("#header h1")).to_have_text(NAMES[1])
    for name in NAMES:
        expect(page.locator("#all-studies .legend")).to_contain_text(name)
