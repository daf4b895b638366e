"""The evaluation cache: records named by the content that they depend on, shared by processes and studies.

A record is one JSON file. Its name is the SHA-256 of its key, the canonical JSON of everything that the record depends
on, so a changed kernel, core or data set asks for another file, and no record is ever out of date. A file holds its own
key and a checksum, is written under a temporary name, synchronised and then linked into place: a reader sees all of it
or nothing, and of two processes that evaluate the same thing at once the first wins and both go on with its record.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs

from dse.atomic_file import write_temporary
from dse.errors import CacheError

FORMAT = 1
"""Version of a record's layout; files of another version live in another folder."""

ENVIRONMENT_VARIABLE = "BNN_DSE_CACHE"
"""Names the cache's folder where no option does."""

WITHOUT_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""What file systems without hard links (FAT, some network shares) answer; replacing a file is atomic there too."""

Record = dict[str, Any]


def default_directory() -> Path:
    """Return the folder of the cache: $BNN_DSE_CACHE, or the user's cache folder."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("bnn-dse")) / "evaluations"


def clear_images(directory: Path) -> int:
    """Delete the assembled images in a folder and return how many files there were; raises CacheError as `clear`."""
    return _delete(path for path in directory.glob("*") if path.suffix in (".elf", ".tmp") and path.is_file())


def content_key(content: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, of the canonical JSON of `content` (JSON values only)."""
    return hashlib.sha256(_canonical(content)).hexdigest()


class EvaluationCache:
    """Records of one folder, by kind ("latency", "accuracy") and key.

    Args:
        directory: Where the records live; made on the first write.

    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def load(self, kind: str, content: Mapping[str, Any]) -> Record | None:
        """Return the record that was stored for `content`, or None.

        Raises CacheError, naming the file, if it is damaged or cannot be read.
        """
        path = self.record_path(kind, content)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(path, error) from error
        return _checked_record(path, data, content)

    def store(self, kind: str, content: Mapping[str, Any], record: Record) -> Record:
        """Store the record of `content`; return the record that the cache now holds, an earlier one if there is one.

        Raises CacheError if it cannot be written (full disk, permission); nothing is left half-written.
        """
        path = self.record_path(kind, content)
        body = {"format": FORMAT, "key": dict(content), "record": record}
        data = _canonical({**body, "checksum": hashlib.sha256(_canonical(body)).hexdigest()})
        if self._publish(path, data):
            return record
        return self.load(kind, content) or record

    def forget(self, kind: str, content: Mapping[str, Any]) -> None:
        """Delete the record of `content`, if there is one; raises CacheError if it cannot be deleted."""
        path = self.record_path(kind, content)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self.unwritable(error) from error

    def store_file(self, kind: str, data: bytes, suffix: str) -> str:
        """Store bytes beside the records and return the file's name, which holds the SHA-256 of the bytes.

        Raises CacheError as `store`.
        """
        name = f"{hashlib.sha256(data).hexdigest()}{suffix}"
        self._publish(self.file_path(kind, name), data)
        return name

    def load_file(self, kind: str, name: str) -> bytes:
        """Return the bytes that `store_file` named; raises CacheError if they are missing or damaged."""
        path = self.file_path(kind, name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise CacheError(
                f"{path} is missing from the evaluation cache: train it again, as a study of another --name with this "
                "design in --enqueue does"
            ) from None
        except OSError as error:
            raise _unreadable(path, error) from error
        if hashlib.sha256(data).hexdigest() != name.partition(".")[0]:
            raise _damaged(path, "its content does not match its name")
        return data

    def record_path(self, kind: str, content: Mapping[str, Any]) -> Path:
        """Return the file of the record of `content`."""
        return self.file_path(kind, f"{content_key(content)}.json")

    def file_path(self, kind: str, name: str) -> Path:
        """Return the path of a file of that kind and name; the first two letters spread files over folders."""
        return self.directory / f"v{FORMAT}" / kind / name[:2] / name

    def files(self) -> Iterator[Path]:
        """Yield every file of the cache, whichever version wrote it."""
        for folder in sorted(self.directory.glob("v[0-9]*")):
            yield from (path for path in sorted(folder.rglob("*")) if path.is_file())

    def clear(self) -> int:
        """Delete every file of the cache and return how many there were; raises CacheError if one cannot be deleted."""
        return _delete(self.files())

    def unwritable(self, error: OSError) -> CacheError:
        """Return the error to raise where a file of the cache cannot be written."""
        return CacheError(
            f"cannot write the evaluation cache in {self.directory}: {error.strerror or error}: make room, "
            f"or choose another folder with --cache or {ENVIRONMENT_VARIABLE}"
        )

    def _publish(self, path: Path, data: bytes) -> bool:
        """Put a complete file at `path`; return False if one was there already."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = write_temporary(path, data)
        except OSError as error:
            raise self.unwritable(error) from error
        try:
            return _link(temporary, path)
        except OSError as error:
            raise self.unwritable(error) from error
        finally:
            temporary.unlink(missing_ok=True)


def _delete(paths: Iterable[Path]) -> int:
    count = 0
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CacheError(f"cannot delete {path}: {error.strerror}") from error
        count += 1
    return count


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _link(temporary: Path, path: Path) -> bool:
    """Give a finished file its name unless the name is taken; return whether it was free."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in WITHOUT_HARD_LINKS:
            raise
        temporary.replace(path)
    _synchronise_folder(path.parent)
    return True


def _synchronise_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checked_record(path: Path, data: bytes, content: Mapping[str, Any]) -> Record:
    try:
        stored = json.loads(data)
        checksum = stored.pop("checksum")
        record: Record = stored["record"]
        key = stored["key"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, "it is not a complete record") from error
    if checksum != hashlib.sha256(_canonical(stored)).hexdigest():
        raise _damaged(path, "its checksum differs")
    if _canonical(key) != _canonical(content):
        raise _damaged(path, "it holds the record of something else")
    return record


def _damaged(path: Path, reason: str) -> CacheError:
    return CacheError(f"{path} in the evaluation cache is damaged ({reason}): delete that file and run again")


def _unreadable(path: Path, error: OSError) -> CacheError:
    return CacheError(f"cannot read {path} in the evaluation cache: {error.strerror or error}")
