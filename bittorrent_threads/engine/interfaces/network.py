"""``Network``: the sockets, the clock and the timers of the network thread."""

from __future__ import annotations

from typing import Any, Callable, Optional, Protocol, Sequence, Tuple

from ...net.interfaces import Address, Buffer, DatagramSocket, MulticastSocket, StreamHandler
from ...net.transport import Transport
from ...swarm.buffer_pool import Lender


class Timer(Protocol):
    """A call that will be made later."""

    def cancel(self) -> None:
        """Forget the call; harmless when it was made or cancelled already."""


class Stream(Protocol):
    """One connection, over TCP or another transport."""

    handler: Optional[StreamHandler]
    address: Address
    """The other end."""
    incoming: bool
    low_water: int
    """Bytes; see ``StreamHandler.on_drained``."""
    read_limit: int
    """Most bytes that one read takes."""
    sent: int
    """Bytes the system took from us so far."""
    taken: int
    """Buffers it took from us so far; together with ``waiting`` it is the number of the next buffer."""
    received: int
    reader: Any
    """The parser of the bytes (``net.interfaces.Reader``), or None: under a limit, a message that has begun is
    finished before others begin."""

    @property
    def held(self) -> bool:
        """Whether a rate limit keeps the stream from reading or sending."""

    @property
    def backlog(self) -> int:
        """Bytes given to ``send`` that the system has not taken yet."""

    @property
    def waiting(self) -> int:
        """Buffers that these bytes are in."""

    @property
    def blocked(self) -> bool:
        """Whether something waits because the other end does not read, and not because of a throttle."""

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Queue buffers, uncopied: they must not change until sent.  They leave together at the end of the pass."""

    def withdraw(self, number: int, count: int) -> int:
        """Do not send ``count`` buffers from this number on, if nothing of the first was sent.

        Returns:
            Their bytes; 0 if it is too late.
        """

    def pause(self) -> None:
        """Stop reading; once the buffers of the system are full, TCP stops the peer from sending."""

    def resume(self) -> None:
        """Read again."""

    def limit(self, *, read: Sequence[Any] = (), write: Sequence[Any] = ()) -> None:
        """Put the stream under these throttles (``Network.throttle``), besides those of the session, from now on."""

    def close(self) -> None:
        """Close now; what was queued is dropped.  Idempotent, and the handler hears nothing more."""


class Listener(Protocol):
    """An open listening socket."""

    port: int
    addresses: Tuple[str, ...]
    """Numeric addresses that it is bound to, ``0.0.0.0`` and ``::`` for all of a family."""

    def close(self) -> None:
        """Stop accepting."""


class Network(Protocol):
    """Sockets, clock and timers of the network thread."""

    capacity: int
    """Sockets that can be open at once."""
    download: Any
    """The throttle of all streams (``throttle``)."""
    upload: Any

    @property
    def receive_pool(self) -> Lender:
        """The memory that streams receive into."""

    def now(self) -> float:
        """Monotonic seconds; constant during one pass of the loop."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call once, ``delay`` seconds from now."""

    def defer(self, callback: Callable[[], None]) -> None:
        """Call once at the end of this pass, after every readable socket was read and before output leaves."""

    def skip_rest(self) -> None:
        """Do not rest after this pass, because a peer waits for what the next one does."""

    def connect(
        self, address: Address, handler: StreamHandler, timeout: float, transport: Optional[Transport[Stream]] = None
    ) -> Stream:
        """Dial over TCP or another ``transport``, and return the stream.

        The handler is told ``on_connected``, or ``on_closed`` with the reason after ``timeout`` seconds at most.
        """

    def datagram(self, family: int, host: str = "", port: int = 0) -> DatagramSocket:
        """Return the UDP socket of an address family, 4 or 6; the first call binds it, or raises ListenError."""

    def multicast(self, group: Address, receive: Callable[[bytes, Address], None], host: str = "") -> MulticastSocket:
        """Return a socket in a multicast group, or raise ListenError.

        Args:
            group: Numeric address and port of the group.
            receive: Called with each datagram from a network of this machine, and the address of its sender.
            host: A numeric address of this machine, on whose interface alone the group is joined; empty for every one.
        """

    def listen(self, host: str, port: int, accept: Callable[[Stream], None]) -> Listener:
        """Bind and listen, or raise ListenError.  ``accept`` gets each connection and must set its ``handler``."""

    def throttle(self, rate: int, name: str) -> Any:
        """Make a throttle for ``Stream.limit``.

        Args:
            rate: Bytes a second, 0 for no limit; the attribute ``rate`` of the throttle can be set later.
            name: What an error calls the rate.

        Returns:
            The throttle.  Its ``unused(now)`` tells whether less moved of late than the limit allows.

        Raises:
            SettingsError: The rate is not a number of bytes; also raised when ``rate`` is set.
        """
