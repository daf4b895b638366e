from __future__ import annotations

import os
import re
from pathlib import Path

import optuna
import pytest
from playwright.sync_api import BrowserContext, expect

from dse.charts import hypervolume_figure
from dse.errors import DseError
from dse.report import write_report
from dse.study_reader import read_results
from tests.chart_geometry import assert_labels_clear
from tests.sample_study import (
    CONVENTIONAL,
    add_complete,
    add_second_look,
    build_marked_study,
    build_study,
    build_study_of_another_goal,
    create_study,
)

NAME = 'tiny </script><img src=x onerror="alert(1)"> & more'


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> optuna.Study:
    return build_study(tmp_path_factory.mktemp("report") / "study.db", NAME)


@pytest.fixture(scope="module")
def report(study: optuna.Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("written") / "report.html"
    write_report(study, path)
    return path


def test_lists_the_front(report: Path, study: optuna.Study) -> None:
    html = report.read_text()
    results = read_results(study)
    rows = [int(number) for number in re.findall(r'<tr id="row-(\d+)">', html)]
    assert rows[: len(results.front)] == [trial.number for trial in results.front]
    assert "binary layers: convolution, batch norm, shortcut and signs" in html


def test_marks_designs_that_are_not_shown_to_be_more_accurate(tmp_path: Path) -> None:
    write_report(build_marked_study(tmp_path / "study.db"), tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    cells = re.findall(r'<tr id="row-(\d+)">.*<td class="mark">(.*?)</td></tr>', html)
    assert cells == [
        ("1", "distinguishable"),
        ("2", "not shown to be more accurate than trial 1"),
        ("3", "not shown to be more accurate than trial 1"),
        ("4", "distinguishable"),
        ("0", "not shown to be more accurate than trial 4"),
    ]
    assert "5 designs on the front, 2 of them distinguishable" in html
    assert "Hollow points of the front" in html


def test_shows_a_second_look(tmp_path: Path) -> None:
    study = build_marked_study(tmp_path / "study.db")
    write_report(study, tmp_path / "before.html")
    assert "trained longer" not in (tmp_path / "before.html").read_text().lower()
    add_second_look(study)
    write_report(study, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    headings = re.findall(r'<th scope="col">(.*?)</th>', html)
    assert headings[:4] == ["Trial", "Accuracy (%)", "Trained longer (%)", "Test accuracy (%)"]
    cells = re.findall(
        r'<tr id="row-(\d+)"><td>.*?</td><td>(.*?)</td><td>(.*?)</td>.*<td class="mark">(.*?)</td>', html
    )
    assert {number: (quick, longer) for number, quick, longer, _ in cells}["3"] == ("81.60 ± 0.60", "86.50 ± 0.50")
    marks = {number: mark for number, _, _, mark in cells}
    assert marks["1"] == "distinguishable"
    assert marks["3"] == "not shown to be more accurate than trial 1; trained longer, dominated by trial 2"
    assert "Second look at 5 of 5 designs of the front (5 epochs, mean of 2 seeds): trained longer, 4 designs" in html
    hover = r"trained longer: 86.50 \u00b1 0.50 %\u003cbr>trained longer, dominated by trial 2\u003cbr>"
    assert hover in html


def test_cards_show_errors_and_claim_no_gain_that_is_not_there(tmp_path: Path) -> None:
    write_report(build_marked_study(tmp_path / "study.db"), tmp_path / "report.html")
    cards = re.findall(
        r'<div><dt>(.*?)</dt><dd class="value">(.*?)</dd><dd>(.*?)</dd></div>', (tmp_path / "report.html").read_text()
    )
    assert cards == [
        ("Best latency", "0.500 ms", "trial 1, at 80.00 ± 0.60 %"),
        ("Highest accuracy", "86.20 ± 0.60 %", "trial 0, at 2.000 ms, not shown to be more accurate than trial 4"),
        (
            "Gain over conventional",
            "2.00x",
            "trial 4: 2.00x as fast at an accuracy that does not differ (86.00 ± 0.60 against 86.20 ± 0.60 %)",
        ),
    ]


def test_other_goals_have_their_columns_limits_and_reference(tmp_path: Path) -> None:
    write_report(build_study_of_another_goal(tmp_path / "study.db"), tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert '<th scope="col">Memory KiB</th><th scope="col">Code KiB</th>' in html
    assert "code_bytes &lt;= 4096; trials: 4 complete" in html
    assert "memory KiB 8.8, accuracy % 10.00, latency ms 2.2000" in html
    assert [int(number) for number in re.findall(r'<tr id="row-(\d+)">', html)] == [3, 1, 0]


def test_names_are_escaped(report: Path) -> None:
    html = report.read_text()
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


def test_loads_nothing(report: Path) -> None:
    html = report.read_text()
    assert "default-src 'none'" in html
    assert not re.search(r"<(?:script|img|iframe)[^>]*\bsrc=", html.split("<script>")[0])
    assert not re.search(r"<link[^>]*href=\"(?!data:)", html)


def test_failed_writing_leaves_the_old_report(
    study: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DseError, match=r"report\.html: No space left on device"):
        write_report(study, path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]  # noqa: PTH208


def test_missing_folder_is_one_line(study: optuna.Study, tmp_path: Path) -> None:
    with pytest.raises(DseError, match="No such file or directory"):
        write_report(study, tmp_path / "none" / "report.html")


def test_empty_study_has_a_report(tmp_path: Path) -> None:
    write_report(create_study(tmp_path / "study.db"), tmp_path / "report.html")
    assert "none yet" in (tmp_path / "report.html").read_text()


def test_draws_and_follows_a_click_without_any_request(
    report: Path, study: optuna.Study, browser: BrowserContext
) -> None:
    complaints: list[str] = []
    requests: list[str] = []
    page = browser.new_page()
    page.set_viewport_size({"width": 400, "height": 800})
    page.emulate_media(color_scheme="dark")
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_selector("#front .scatterlayer .point")
    page.wait_for_selector("#layers .barlayer .point")
    results = read_results(study)
    assert results.conventional is not None
    bars = results.front_numbers | {results.conventional.number}
    expect(page.locator("#front .errorbar")).to_have_count(len(bars))
    expect(page.locator("#hypervolume .scatterlayer .point")).to_have_count(len(hypervolume_figure(results).data[0].x))
    assert page.evaluate("document.getElementById('front')._fullLayout.font.color") == "#e8ebf0"
    link = page.locator("tbody a").first
    link.click()
    expect(page.locator("#layers-title")).to_contain_text(f"trial {link.inner_text()}:")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.parametrize("count", [4, 20])
def test_layer_labels_stand_clear_of_the_bars(tmp_path: Path, browser: BrowserContext, count: int) -> None:
    study = create_study(tmp_path / "study.db")
    add_complete(study, {**CONVENTIONAL, "clip": 31}, layer_count=count)
    add_complete(study, CONVENTIONAL, layer_count=count)
    write_report(study, tmp_path / "report.html")
    page = browser.new_page()
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto((tmp_path / "report.html").as_uri())
        page.wait_for_selector("#layers .barlayer .point")
        assert_labels_clear(page, count)
        expect(page.locator("#legend li").first).to_have_text("port busy")
    page.close()
