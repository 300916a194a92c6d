"""A web server on loopback that misbehaves on request."""

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Site:
    """What the server has and how it behaves: files by path, redirects by path, how many bytes an answer has before it breaks off."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    breaks_after: list[int] = field(default_factory=list)  # one number an answer; then answers are whole
    ranges: bool = True
    validators: bool = True
    lengths: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range of every request


def _handler(site):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            span = self.headers.get("Range")
            site.asked.append((self.path, span))
            if self.path in site.redirects:
                self.send_response(302)
                self.send_header("Location", site.redirects[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data = site.files.get(self.path)
            if data is None:
                self.send_error(404)
                return
            tag = f'"{hashlib.sha256(data).hexdigest()[:8]}"'
            begin = 0
            if span and site.ranges and self.headers.get("If-Range") == tag:
                begin = int(span.removeprefix("bytes=").removesuffix("-"))
                if begin >= len(data):
                    self.send_error(416)
                    return
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            if site.validators:
                self.send_header("ETag", tag)
            if site.lengths:
                self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()
            self.wfile.write(data[begin:][: site.breaks_after.pop(0) if site.breaks_after else None])
            self.close_connection = True

    return Handler


@contextmanager
def serving():
    """A Site that answers at its address until the end."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
