"""An HTTP server that sends any bytes a test gives it, valid or not."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from typing import Callable, List, Optional, Union

Answer = Union[bytes, Callable[[socket.socket, "WebServer"], None]]


def ok(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a plain response with its length."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """Return a chunked response; ``end`` follows the chunks."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def gzipped(body: bytes, *headers: str) -> bytes:
    """Return a compressed response."""
    return ok(gzip.compress(body, mtime=0), "Content-Encoding: gzip", *headers)


class WebServer:
    """Sends one answer for each connection, and repeats the last one: bytes, or a function of the socket."""

    def __init__(
        self, *answers: Answer, host: str = "127.0.0.1", wrap: Optional[Callable[..., socket.socket]] = None
    ) -> None:
        self.requests: List[bytes] = []
        """The request line and headers of each request."""
        self.closing = threading.Event()
        self._answers = list(answers)
        self._wrap = wrap
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._socket.bind((host, 0))
        self._socket.listen()
        self._threads: List[threading.Thread] = []
        self._host = f"[{host}]" if ":" in host else host
        self.port: int = self._socket.getsockname()[1]

    def url(self, path: str = "/announce", scheme: str = "http") -> str:
        return f"{scheme}://{self._host}:{self.port}{path}"

    def __enter__(self) -> WebServer:
        thread = threading.Thread(target=self._accept)
        thread.start()
        self._threads.append(thread)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.closing.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            sock.settimeout(10)
            thread = threading.Thread(target=self._serve, args=(sock,))
            thread.start()
            self._threads.append(thread)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            if self._wrap is not None:
                sock = self._wrap(sock)
                stack.callback(sock.close)
            head = b""
            while b"\r\n\r\n" not in head:
                data = sock.recv(65536)
                if not data:
                    return
                head += data
            answer = self._answers[min(len(self.requests), len(self._answers) - 1)]
            self.requests.append(head)
            if callable(answer):
                answer(sock, self)
            else:
                sock.sendall(answer)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):  # closing with unread bytes would be a reset
                    pass


def silence(sock: socket.socket, server: WebServer) -> None:
    """Never answer."""
    server.closing.wait(30)


def drip(data: bytes, pause: float = 0.005) -> Answer:
    """Send ``data`` byte by byte, then its last byte without end."""

    def dripping(sock: socket.socket, server: WebServer) -> None:
        for byte in data:
            sock.sendall(bytes([byte]))
            server.closing.wait(pause)
        while not server.closing.wait(pause):
            sock.sendall(data[-1:])

    return dripping


def flood(head: bytes, body: bytes) -> Answer:
    """Send ``head``, then ``body`` repeatedly."""

    def flooding(sock: socket.socket, server: WebServer) -> None:
        sock.sendall(head)
        while not server.closing.is_set():
            sock.sendall(body)

    return flooding
