"""``Transport``: a way to make a connection, other than plain TCP.

``Network.connect`` takes one.  An encrypted connection (over ``connect`` without a transport) and a uTP connection
(over ``datagram``) can be made in this way, on a real and on a simulated network.

The rule: a transport gives its handler the same calls, and its caller the same methods, as a TCP stream does.  What it
passes to ``on_received`` is valid only during the call: memory that a transport receives into belongs to its streams,
and ``ReceivePool.borrow`` refuses to keep it.
"""

from __future__ import annotations

from typing import Any, Callable, Protocol, TypeVar

from .interfaces import Address, DatagramSocket, StreamHandler

S = TypeVar("S", covariant=True)


class Dialer(Protocol):
    """The part of a network that a transport uses."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        """Call once, ``delay`` seconds from now; the result has a ``cancel``."""

    def defer(self, callback: Callable[[], None]) -> None:
        """Call at the end of this pass."""

    def connect(self, address: Address, handler: StreamHandler, timeout: float) -> Any:
        """Dial over TCP and return the stream."""

    def datagram(self, family: int, host: str = "", port: int = 0) -> DatagramSocket:
        """Return the UDP socket of an address family."""


class Transport(Protocol[S]):
    """Makes connections whose streams are of the type ``S``."""

    def dial(self, network: Dialer, address: Address, handler: StreamHandler, timeout: float) -> S:
        """Connect; never raises.

        Args:
            network: Where the connection is made.
            address: Numeric host and port of the other end.
            handler: Is told ``on_connected``, or ``on_closed`` after ``timeout`` at most, never from inside this call.
            timeout: Seconds that the connection may take to be ready for ``send``.

        Returns:
            The stream, which accepts ``send`` at once.
        """
