"""Frames for a browser on this machine: a page with an image that is sent anew for each frame (MJPEG)."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from training.contract import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOST = "127.0.0.1"
_PAGE = b"""<!doctype html><meta charset="utf-8"><title>Affectory preview</title>
<style>body{margin:0;background:#18181b;display:grid;place-items:center;min-height:100vh}img{max-width:100%}</style>
<img src="/frames" alt="The face, its mesh and the probabilities of its emotions, as they are now">"""
_QUALITY = 85


class Stream:
    """A server of frames on the loopback address. Use it as a context manager.

    Parameters
    ----------
    port : 0 for any that is free.
    rate : frames a second that are shown at most.
    """

    def __init__(self, port: int, rate: float) -> None:
        self._pause, self._next = 1 / rate, 0.0
        self._fresh = threading.Condition()
        self._frame, self._number, self._open = b"", 0, True
        self._watched = threading.Event()
        try:
            self._server = ThreadingHTTPServer((HOST, port), _handler(self))
        except OSError as error:
            raise UserError(f"--port {port}: {error.strerror}; name another one") from error
        self._server.daemon_threads = True
        self.address = f"http://{HOST}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *raised: object) -> None:
        with self._fresh:
            self._open = False
            self._fresh.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def show(self, frame: NDArray[np.uint8]) -> None:
        """Send one frame (h, w, 3) RGB to whoever watches; the first one waits for somebody to."""
        import cv2

        while not self._watched.wait(timeout=0.2):
            pass
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._pause
        done, encoded = cv2.imencode(".jpg", frame[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        assert done
        with self._fresh:
            self._frame, self._number = encoded.tobytes(), self._number + 1
            self._fresh.notify_all()

    def after(self, number: int) -> tuple[bytes, int] | None:
        """Return a frame newer than `number` and its own, as soon as there is one; None when the stream has ended."""
        self._watched.set()
        with self._fresh:
            self._fresh.wait_for(lambda: self._number > number or not self._open)
            return (self._frame, self._number) if self._number > number else None


def _handler(stream: Stream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # another site's page must not reach the camera under a name of its own
            name = self.headers.get("Host", "").rpartition(":")[0]
            if name not in (HOST, "localhost") or self.path not in ("/", "/frames"):
                self.send_error(403 if name not in (HOST, "localhost") else 404)
                return
            self.send_response(200)
            self.send_header("Cache-Control", "no-store")
            if self.path == "/":
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(_PAGE)
                return
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            number = 0
            try:
                while newer := stream.after(number):
                    frame, number = newer
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame)}\r\n\r\n"
                    self.wfile.write(head.encode() + frame + b"\r\n")
            except (BrokenPipeError, ConnectionResetError):
                pass  # the browser was closed

        def log_message(self, format: str, *args: object) -> None:
            """Keep requests off the terminal."""

    return Handler
