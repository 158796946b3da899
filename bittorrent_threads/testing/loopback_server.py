"""``LoopbackServer``: a listening socket with a thread for each connection, which all end with a ``with`` block."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Callable, List, Optional, Tuple, Type

ACCEPT_SLICE = 0.1
"""Seconds until the listening thread looks whether it is to end."""
JOIN_TIMEOUT = 10.0
"""Seconds that each thread has to end."""

Serve = Callable[[socket.socket], None]


class LoopbackServer:
    """Calls ``serve`` with each connection, in a thread of its own; the socket is closed when the call returns.

    Args:
        serve: It may block in calls of the socket, which fail when the block ends, and in ``leaving.wait``.
        host: Address to listen on.
        port: Port to listen on; 0 lets the system choose one.
        name: Name of the threads.
    """

    def __init__(self, serve: Serve, *, host: str, port: int = 0, name: str) -> None:
        self.leaving = threading.Event()
        """Set at the end of the ``with`` block."""
        self._serve = serve
        self._host = host
        self._port = port
        self._name = name
        self._lock = threading.Lock()
        self._connections: List[socket.socket] = []
        self._threads: List[threading.Thread] = []

    @property
    def address(self) -> Tuple[str, int]:
        """Host and port, inside the ``with`` block."""
        return self._host, self._port

    def __enter__(self) -> LoopbackServer:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._listener = socket.create_server((self._host, self._port), family=family)
        self._listener.settimeout(ACCEPT_SLICE)
        self._port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.leaving.set()
        self._threads[0].join(JOIN_TIMEOUT)
        self._listener.close()
        with self._lock:
            for sock in self._connections:
                with contextlib.suppress(OSError):  # wakes its thread, which closes it
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(JOIN_TIMEOUT)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name=f"{self._name} {self._port}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.leaving.is_set():
            try:
                sock, _ = self._listener.accept()
            except socket.timeout:
                continue
            except OSError:
                if self.leaving.is_set():  # on a very busy machine the listener is closed before this thread looks
                    return
                raise
            sock.settimeout(None)
            with self._lock:
                self._connections.append(sock)
            self._start(self._run, sock)

    def _run(self, sock: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError, EOFError):
                self._serve(sock)
        finally:
            with self._lock:
                self._connections.remove(sock)
            sock.close()
