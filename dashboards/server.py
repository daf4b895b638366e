"""The local web server: what it listens on, whom it answers and what a page may load."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import Flask, Response
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from dse.errors import UsageError

HOST = "127.0.0.1"
TRUSTED_HOSTS = [HOST, "localhost"]
"""Requests under another name are refused: a web site whose name is pointed at this machine must not read a study."""


def secure(server: Flask, inline_script_hashes: Sequence[str]) -> None:
    """Refuse foreign host names and forbid pages to load anything from elsewhere.

    Args:
        server: The Flask server of the app.
        inline_script_hashes: The `script-src` hashes of the scripts that the page carries itself.

    """
    server.config["TRUSTED_HOSTS"] = TRUSTED_HOSTS
    policy = "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' {' '.join(inline_script_hashes)}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )

    @server.after_request
    def add_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def bind(server: Flask, port: int) -> BaseWSGIServer:
    """Return a threaded server that listens on 127.0.0.1; port 0 takes a free one.

    Raises:
        UsageError: The port is out of range or cannot be listened on.

    """
    if not 0 <= port <= 65535:
        raise UsageError(f"--port {port}: a port is between 0 and 65535")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    # Bound here, because werkzeug would print its own lines about a port that is taken and exit.
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
            listening.listen()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"cannot listen on {HOST}:{port}: {reason}; choose another with --port") from error
        return make_server(HOST, port, server, threaded=True, request_handler=_QuietHandler, fd=listening.fileno())


@contextmanager
def serving(server: Flask, port: int, poll_interval: float = 0.5) -> Iterator[str]:
    """Answer requests in a thread inside the block, and give the address; errors as `bind`.

    Args:
        server: What answers.
        port: Port to listen at; 0: any free one.
        poll_interval: Seconds between two looks whether the block has ended.

    """
    listener = bind(server, port)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": poll_interval}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{listener.port}/"
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing about a request: a page polls every few seconds."""
