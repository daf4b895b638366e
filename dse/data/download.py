"""Fetching a dataset's files: over https only, checked before they are used, never half-written."""

from __future__ import annotations

import contextlib
import http.client
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO

from dse.data.errors import DatasetError
from dse.data.files import Checksum

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CHUNK = 1 << 20
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be fetched.

    Attributes:
        name: What it is called once fetched.
        urls: Where it can be had, tried in this order.
        checksum: Its published hash.
        max_bytes: A transfer is given up beyond this many bytes.

    """

    name: str
    urls: tuple[str, ...]
    checksum: Checksum
    max_bytes: int


def fetch(file: RemoteFile, folder: Path) -> Path:
    """Fetch `file` into `folder` and return its path; nothing is left there when that fails.

    Raises:
        DatasetError: No address gave the file, it has another checksum, or it cannot be written.

    """
    content = _first_answer(file)
    file.checksum.verify(content, f"{file.name} as downloaded")
    target = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _replacing(target) as stream:
            stream.write(content)
    except OSError as error:
        raise DatasetError(f"{target}: cannot be written ({error.strerror})") from error
    return target


def _first_answer(file: RemoteFile) -> bytes:
    failures: list[str] = []
    for url in file.urls:
        try:
            return _get(url, file.max_bytes)
        except (OSError, http.client.HTTPException) as error:  # URLError and time-outs are OSErrors
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            failures.append(f"{urllib.parse.urlsplit(url).hostname}: {reason}")
    raise DatasetError(
        f"{file.name} cannot be downloaded ({'; '.join(failures)}); check the network, "
        "or put the file into a folder and name that as the data folder"
    )


def _get(url: str, max_bytes: int) -> bytes:
    _require_secure(url)
    opener = urllib.request.build_opener(_SecureRedirects)
    received = bytearray()
    with opener.open(url, timeout=_TIMEOUT_S) as response:
        while chunk := response.read(_CHUNK):
            received += chunk
            if len(received) > max_bytes:
                raise DatasetError(f"{url}: larger than the {max_bytes} bytes expected; not the published file")
    return bytes(received)


def _require_secure(url: str) -> None:
    """Refuse anything but https; plain http to this very machine passes no network."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return
    raise DatasetError(f"{url}: refused, downloads go over https only")


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never off https."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _require_secure(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `target` that takes its place when the block ends well."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as stream:
        temporary = Path(stream.name)
        try:
            yield stream
            stream.close()
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
