"""What the server answers, and to whom, without a browser."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from dashboards.app import create_app, serve
from dashboards.background import Background
from dashboards.cli import dashboard
from dashboards.server import HOST, bind
from dashboards.source import StudySource
from dse.errors import UsageError

BASE = f"http://{HOST}"


@pytest.fixture(scope="module")
def storage(sample_storage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage with one study: nothing that is sent here may change it."""
    return Path(shutil.copy(sample_storage, tmp_path_factory.mktemp("served") / "study.db"))


@pytest.fixture(scope="module")
def app_client(storage: Path) -> Iterator[FlaskClient]:
    """One server for all, which must still answer after everything that came before."""
    source, background = StudySource(str(storage), None), Background()
    source.snapshot()
    client: FlaskClient = create_app(source, background).server.test_client()
    yield client
    background.close()


def post(client: FlaskClient, body: Any) -> Any:
    return client.post("/_dash-update-component", base_url=BASE, data=json.dumps(body), content_type="application/json")


def test_listens_on_this_machine_alone(storage: Path) -> None:
    listener = bind(create_app(StudySource(str(storage), None)).server, 0)
    try:
        assert listener.socket.getsockname()[0] == "127.0.0.1"
    finally:
        listener.server_close()


def test_foreign_host_name_is_refused(app_client: FlaskClient) -> None:
    assert app_client.get("/", base_url=BASE).status_code == 200
    assert app_client.get("/", base_url="http://localhost:8050").status_code == 200
    assert app_client.get("/", base_url="http://study.example.org").status_code == 400
    assert app_client.get("/_dash-layout", base_url="http://study.example.org").status_code == 400


def test_pages_may_load_nothing_from_elsewhere(app_client: FlaskClient) -> None:
    response = app_client.get("/", base_url=BASE)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    script_policy = policy.split("script-src")[1].split(";")[0]
    assert "unsafe-inline" not in script_policy


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../app.py",
        "/assets/..%2f..%2fpyproject.toml",
        "/assets//etc/passwd",
        "/_dash-component-suites/dash/../../../../etc/passwd",
        "/_dash-component-suites/os/environ",
    ],
)
def test_no_file_outside_the_app_is_served(app_client: FlaskClient, path: str) -> None:
    response = app_client.get(path, base_url=BASE)
    body = response.get_data(as_text=True)
    assert "root:" not in body
    assert "def create_app" not in body
    assert "[project]" not in body
    assert "Traceback" not in body


@pytest.mark.parametrize("body", [None, [], {}, "text", {"output": "nothing.data", "inputs": []}, {"inputs": "x"}])
def test_malformed_callback_shows_no_traceback(app_client: FlaskClient, body: Any) -> None:
    response = post(app_client, body)
    assert response.status_code >= 400
    assert "Traceback" not in response.get_data(as_text=True)


@pytest.mark.parametrize("value", ["../../etc/passwd", {"a": 1}, 10**30, [], True, -3])
def test_figures_survive_senseless_inputs(app_client: FlaskClient, storage: Path, value: Any) -> None:
    """What a callback is sent only ever chooses among things the study holds."""
    before = storage.read_bytes()
    polled = post(
        app_client,
        {
            "output": "..problem.children...problem.hide...revision.data...storage-state.data..",
            "outputs": [
                {"id": "problem", "property": "children"},
                {"id": "problem", "property": "hide"},
                {"id": "revision", "property": "data"},
                {"id": "storage-state", "property": "data"},
            ],
            "inputs": [{"id": "poll", "property": "n_intervals", "value": value}],
            "state": [
                {"id": "revision", "property": "data", "value": value},
                {"id": "storage-state", "property": "data", "value": value},
                {"id": "problem", "property": "children", "value": None},
            ],
            "changedPropIds": ["poll.n_intervals"],
        },
    )
    assert polled.status_code == 200
    drawn = post(
        app_client,
        {
            "output": "front.figure",
            "outputs": {"id": "front", "property": "figure"},
            "inputs": [
                {"id": "revision", "property": "data", "value": value},
                {"id": "colour", "property": "value", "value": value},
                {"id": "scheme", "property": "data", "value": value},
            ],
            "changedPropIds": ["revision.data", "colour.value"],
        },
    )
    assert drawn.status_code == 200
    assert drawn.get_json()["response"]["front"]["figure"]["data"][0]["x"] == []
    assert storage.read_bytes() == before


SENSELESS = ["../../etc/passwd", {"a": 1}, 10**30, [], True, -3, None, "?" + "a=" * 5000, "?trial=\0&layer=\ud800"]

PAGE_CALLBACKS = {
    "..kernel-form.children...kernel-form-shown.data..": (["url.search", "revision.data"], ["kernel-form-shown.data"]),
    "..kernel-problem.children...kernel-problem.hide...kernel-result.children"
    "...kernel-poll.disabled...kernel-shown.data..": (
        ["url.search", "revision.data", "scheme.data", "kernel-tick.data"],
        ["kernel-shown.data"],
    ),
    "..cores-core.value...cores-beside.value...cores-differences.checked...cores-filled.data...cores-about.children"
    "...cores-problem.children...cores-problem.hide...cores-table.columnDefs...cores-table.rowData..": (
        ["url.search"],
        [],
    ),
    "..design-fields.data...design-problem.children...design-problem.hide"
    "...design-body.children...design-shown.data..": (
        ["url.search", "revision.data", "scheme.data"],
        ["design-shown.data", "design-trial.value", "design-beside.value"],
    ),
    "..page.children...navigation.children..": (["url.pathname"], []),
}
"""The callbacks that read an address: what each sets, and its inputs and states."""


@pytest.mark.parametrize("value", SENSELESS, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("output", PAGE_CALLBACKS, ids=lambda output: output[2:20])
def test_pages_survive_senseless_inputs(app_client: FlaskClient, storage: Path, output: str, value: Any) -> None:
    """Whatever is sent, the answer is a page: no traceback, no file, and the study stays as it is."""
    before = storage.read_bytes()
    inputs, states = PAGE_CALLBACKS[output]

    def sent(name: str) -> dict[str, Any]:
        identifier, name_of_property = name.split(".")
        return {"id": identifier, "property": name_of_property, "value": value}

    answer = post(
        app_client,
        {
            "output": output,
            "outputs": [
                dict(zip(("id", "property"), one.split("."), strict=True)) for one in output[2:-2].split("...")
            ],
            "inputs": [sent(name) for name in inputs],
            "state": [sent(name) for name in states],
            "changedPropIds": inputs[:1],
        },
    )
    assert answer.status_code in (200, 204)
    text = answer.get_data(as_text=True)
    assert "Traceback" not in text
    assert "root:" not in text
    assert storage.read_bytes() == before


def test_start_refuses_a_storage_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.db does not exist") as caught:
        dashboard(str(tmp_path / "none.db"), 8050, None)
    assert caught.value.exit_code == 2


def test_start_refuses_a_damaged_storage_as_wrong_input(tmp_path: Path) -> None:
    path = tmp_path / "bad.db"
    path.write_bytes(b"no database")
    with pytest.raises(UsageError, match="is damaged"):
        serve(str(path), 8050, None)


def test_start_refuses_a_port_in_use(storage: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(UsageError, match="choose another with --port"):
            serve(str(storage), taken.getsockname()[1], None)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("port", [-1, 65536])
def test_start_refuses_a_port_that_does_not_exist(storage: Path, port: int) -> None:
    with pytest.raises(UsageError, match="between 0 and 65535"):
        serve(str(storage), port, None)


@pytest.mark.parametrize("value", ["../../etc/passwd", {"a": 1}, 10**30, [], True, -3, None, 1.0])
@pytest.mark.parametrize("is_click", [True, False])
def test_nothing_is_exported_but_a_trial_of_the_study(app_client: FlaskClient, value: Any, is_click: bool) -> None:
    button = {"trial": value, "type": "export"}
    clicked = json.dumps(button, separators=(",", ":"), sort_keys=True)
    names = ("export-download.data", "export-status.children", "export-poll.disabled", "export-asked.data")
    answer = post(
        app_client,
        {
            "output": f"..{'...'.join(names)}..",
            "outputs": [dict(zip(("id", "property"), name.split("."), strict=True)) for name in names],
            "inputs": [
                [{"id": button, "property": "n_clicks", "value": 1}],
                {"id": "export-tick", "property": "data", "value": 1},
            ],
            "state": [{"id": "export-asked", "property": "data", "value": value}],
            "changedPropIds": [f"{clicked}.n_clicks" if is_click else "export-tick.data"],
        },
    )
    text = answer.get_data(as_text=True)
    assert "Traceback" not in text
    assert "content" not in text
    assert answer.status_code != 200 or "no complete trial of that number" in text
