from __future__ import annotations

import sqlite3
import sys
import threading

import optuna
import pytest

from dse.errors import DseError, StorageError, UsageError
from dse.goal import Goal
from dse.journal import remove_torn_record
from dse.spec import StudySpec
from dse.storage import FORMAT, StudyStorage, storage_file

SPEC = StudySpec().record(1.5e9)


def make(path, name="study", **attributes):
    return StudyStorage(str(path)).create(name, {"spec": SPEC, **attributes}, Goal().objectives)


def expect_one_line(error, match):
    assert match in str(error.value)
    assert "\n" not in str(error.value)


def test_study_is_an_ordinary_optuna_study(tmp_path):
    make(tmp_path / "s.db")
    study = optuna.load_study(study_name="study", storage=f"sqlite:///{tmp_path / 's.db'}")
    assert study.metric_names == ["latency_ms", "accuracy"]
    assert [direction.name for direction in study.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert study.user_attrs["format"] == FORMAT


def test_url_and_path_are_the_same_storage(tmp_path):
    make(tmp_path / "s.db")
    assert StudyStorage(f"sqlite:///{tmp_path / 's.db'}").names() == ["study"]


@pytest.mark.parametrize("name", ["a%20b.db", "what?.db", "50% & #1.db", "ä b.db", "a+b.db"])
def test_file_may_have_any_name(tmp_path, name):
    make(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert StudyStorage(str(tmp_path / name), must_exist=True).names() == ["study"]


def test_url_means_the_file_that_the_database_opens(tmp_path):
    make(f"sqlite:///{tmp_path}/a%20b.db")
    assert storage_file(f"sqlite:///{tmp_path}/a%20b.db") == tmp_path / "a b.db"
    assert StudyStorage(str(tmp_path / "a b.db"), must_exist=True).names() == ["study"]


def test_only_study_needs_no_name(tmp_path):
    make(tmp_path / "s.db")
    assert StudyStorage(str(tmp_path / "s.db")).open(None).study_name == "study"
    make(tmp_path / "s.db", "other")
    with pytest.raises(UsageError, match="choose one with --name: "):
        StudyStorage(str(tmp_path / "s.db")).open(None)
    with pytest.raises(UsageError, match=r"no study 'third'.*it holds"):
        StudyStorage(str(tmp_path / "s.db")).open("third")


def test_missing_file_is_made_only_if_it_may_be(tmp_path):
    with pytest.raises(UsageError, match="there is no storage"):
        StudyStorage(str(tmp_path / "s.db"), must_exist=True)
    assert not (tmp_path / "s.db").exists()


@pytest.mark.parametrize("content", [b"not a database", b"<html></html>" * 100])
def test_file_that_is_no_database_is_left_alone(tmp_path, content):
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(StorageError) as error:
        StudyStorage(str(path))
    expect_one_line(error, "is not a SQLite database")
    assert path.read_bytes() == content


def test_damaged_database(tmp_path):
    make(tmp_path / "s.db")
    data = bytearray((tmp_path / "s.db").read_bytes())
    data[100:] = b"\xa5" * (len(data) - 100)
    (tmp_path / "s.db").write_bytes(data)
    with pytest.raises(StorageError) as error:
        StudyStorage(str(tmp_path / "s.db")).open(None)
    expect_one_line(error, "s.db")


def test_directory_and_missing_directory(tmp_path):
    with pytest.raises(StorageError, match="is a directory"):
        StudyStorage(str(tmp_path))
    with pytest.raises(StorageError, match="there is no directory"):
        StudyStorage(str(tmp_path / "missing" / "s.db"))


def test_locked_database_says_so(tmp_path):
    make(tmp_path / "s.db")
    with sqlite3.connect(tmp_path / "s.db", isolation_level=None) as connection:
        connection.execute("begin exclusive")
        with pytest.raises(StorageError) as error:
            StudyStorage(str(tmp_path / "s.db"), lock_timeout=0.1).names()
    connection.close()
    expect_one_line(error, "another program is writing to it")


def test_short_lock_is_waited_for(tmp_path):
    make(tmp_path / "s.db")
    connection = sqlite3.connect(tmp_path / "s.db", isolation_level=None, check_same_thread=False)
    connection.execute("begin exclusive")
    release = threading.Timer(0.3, connection.rollback)
    release.start()
    assert StudyStorage(str(tmp_path / "s.db"), lock_timeout=20).names() == ["study"]
    release.join()
    connection.close()


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("nosuchdatabase://host/name", "give the path"),
        ("postgresql://127.0.0.1:1/name", "connection to server at"),
        ("mysql+pymysql://host/name", "driver pymysql is not installed"),
    ],
)
def test_url_that_cannot_be_used_is_one_line(url, match):
    with pytest.raises(DseError) as error:
        StudyStorage(url)
    expect_one_line(error, match)


def test_looking_for_a_study_makes_no_tables(tmp_path):
    (tmp_path / "s.db").touch()
    with pytest.raises(StorageError) as error:
        StudyStorage(str(tmp_path / "s.db"), must_exist=True).names()
    expect_one_line(error, "begin one with dse study run")
    assert (tmp_path / "s.db").read_bytes() == b""


def test_password_is_not_shown():
    with pytest.raises(StorageError) as error:
        StudyStorage("postgresql://reader:secret@127.0.0.1:1/studies")
    expect_one_line(error, "postgresql://reader:***@127.0.0.1:1/studies")
    assert "secret" not in str(error.value)


def test_missing_driver_of_postgresql_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageError) as error:
        StudyStorage("postgresql://host/name")
    expect_one_line(error, "the database driver psycopg is not installed: pip install 'bnn-dse[postgresql]'")


def test_other_databases_hold_studies_that_cannot_be_run(monkeypatch):
    monkeypatch.setattr("dse.storage._open", lambda *_arguments, **_options: None)
    with pytest.raises(UsageError, match=r"studies run in SQLite files, journal files and PostgreSQL"):
        StudyStorage("mysql+pymysql://host/name").lock("study")


def test_journal_is_a_storage_like_any_other(tmp_path):
    location = f"journal:{tmp_path / 'j.log'}"
    with pytest.raises(UsageError, match="there is no storage"):
        StudyStorage(location, must_exist=True)
    StudyStorage(location).create("study", {"spec": SPEC}, Goal().objectives)
    assert StudyStorage(location, must_exist=True).open(None).user_attrs["format"] == FORMAT


def test_journal_and_database_are_not_taken_for_one_another(tmp_path):
    make(tmp_path / "s.db")
    with pytest.raises(StorageError, match="is not a journal of studies"):
        StudyStorage(f"journal:{tmp_path / 's.db'}")
    StudyStorage(f"journal:{tmp_path / 'j.log'}").create("study", {"spec": SPEC}, Goal().objectives)
    with pytest.raises(StorageError, match=f"write journal:{tmp_path / 'j.log'}"):
        StudyStorage(str(tmp_path / "j.log"))


@pytest.mark.parametrize("size", [1, 5000, 9000])
def test_torn_record_of_a_journal_is_removed(tmp_path, size):
    path = tmp_path / "j.log"
    StudyStorage(f"journal:{path}").create("study", {"spec": SPEC}, Goal().objectives)
    before = path.read_bytes()
    path.write_bytes(before + b"{" * size)
    study = StudyStorage(f"journal:{path}").open("study")
    study.set_user_attr("note", "x" * size)
    assert StudyStorage(f"journal:{path}").open("study").user_attrs["note"] == "x" * size
    assert path.read_bytes().startswith(before)


def test_journal_that_holds_one_torn_record_becomes_empty(tmp_path):
    path = tmp_path / "j.log"
    path.write_bytes(b'{"op')
    remove_torn_record(path)
    assert path.read_bytes() == b""


def test_study_of_another_program(tmp_path):
    url = f"sqlite:///{tmp_path / 's.db'}"
    optuna.create_study(study_name="noted", storage=url).set_user_attr("note", "mine")
    optuna.create_study(study_name="tried", storage=url).ask()
    storage = StudyStorage(str(tmp_path / "s.db"))
    for name in ("noted", "tried"):
        for look in (storage.find, storage.open):
            with pytest.raises(UsageError, match=f"^study '{name}' was not made by dse: give another"):
                look(name)
        with pytest.raises(optuna.exceptions.DuplicatedStudyError):
            make(tmp_path / "s.db", name)
    assert sorted(storage.names()) == ["noted", "tried"]


def test_study_of_a_newer_version(tmp_path):
    make(tmp_path / "s.db").set_user_attr("format", FORMAT + 1)
    with pytest.raises(UsageError, match=f"has format {FORMAT + 1} and this version of bnn-dse reads {FORMAT}: update"):
        StudyStorage(str(tmp_path / "s.db")).find("study")


def test_study_whose_designs_have_a_tile_is_refused_with_what_to_do(tmp_path):
    make(tmp_path / "s.db").set_user_attr("format", 1)
    with pytest.raises(UsageError, match="study 'study' has format 1, which writes designs in another way") as refused:
        StudyStorage(str(tmp_path / "s.db")).open("study")
    assert "run it anew with another --name" in str(refused.value)


def test_database_of_another_optuna_version(tmp_path):
    make(tmp_path / "s.db")
    with sqlite3.connect(tmp_path / "s.db") as connection:
        connection.execute("update alembic_version set version_num = 'v9.9.9'")
    connection.close()
    with pytest.raises(StorageError) as error:
        StudyStorage(str(tmp_path / "s.db"))
    expect_one_line(error, "s.db")
