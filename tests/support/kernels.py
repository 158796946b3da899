"""A Jupyter kernel, as a notebook uses it: cells are run, interrupted and killed.

``jupyter_client`` leaves sockets of its own open, so this runs in a child process (see ``run_child``).
"""

from __future__ import annotations

import contextlib
import queue
import time
from typing import Any, Dict, Iterator, List, Optional

from .loopback import PATIENCE


class CellFailed(AssertionError):
    """A cell raised an exception; the text is its traceback."""


class Kernel:
    """A running kernel.

    Args:
        folder: Its working directory.
    """

    def __init__(self, folder: str) -> None:
        from jupyter_client.manager import start_new_kernel

        self._manager, self._client = start_new_kernel(startup_timeout=PATIENCE, cwd=folder)

    def start(self, code: str) -> str:
        """Begin to run a cell; return its id."""
        return str(self._client.execute(code))

    def message(self, cell: str) -> Dict[str, Any]:
        """Return the next message about a cell."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                found: Dict[str, Any] = self._client.get_iopub_msg(timeout=PATIENCE)
                if found["parent_header"].get("msg_id") == cell:
                    return found
        raise AssertionError("the kernel says nothing")

    def wait_for(self, cell: str, kind: str) -> Dict[str, Any]:
        """Return the content of the next message of a kind about a cell."""
        while True:
            found = self.message(cell)
            if found["msg_type"] == kind:
                content: Dict[str, Any] = found["content"]
                return content

    def finish(self, cell: str) -> List[Dict[str, Any]]:
        """Return the remaining messages about a cell, up to its end."""
        found: List[Dict[str, Any]] = []
        while True:
            message = self.message(cell)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found
            found.append(message)

    def run(self, code: str) -> str:
        """Run a cell; return what it printed and its value as text.

        Raises:
            CellFailed: If it raised an exception.
        """
        text = ""
        for message in self.finish(self.start(code)):
            content = message["content"]
            if message["msg_type"] == "error":
                raise CellFailed("\n".join(content["traceback"]))
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                text += content["text"]
            elif message["msg_type"] == "execute_result":
                text += content["data"]["text/plain"]
        return text.strip()

    def interrupt(self) -> None:
        """Interrupt the cell that runs."""
        self._manager.interrupt_kernel()

    def end(self) -> None:
        """Kill the kernel (SIGKILL)."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@contextlib.contextmanager
def kernel(folder: str, first: Optional[str] = None) -> Iterator[Kernel]:
    """Run a kernel, and kill it at the end.

    Args:
        folder: Its working directory.
        first: A cell to be run first.
    """
    running = Kernel(folder)
    try:
        if first is not None:
            running.run(first)
        yield running
    finally:
        running.end()
