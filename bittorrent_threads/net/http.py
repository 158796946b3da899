"""One HTTP/1.1 GET (RFC 9112) as trackers (BEP 3) and web seeds need it, in a thread that may wait.

The rule: nothing that a server does can take more than was allowed.  Every single wait ends at one absolute deadline,
so that a dripping server gains nothing; every byte read is counted below the parser, so that no lie about a length and
no fault of the parser can make it read on.  ``http.client`` only parses the head and the chunks.  Proxies of the
environment are not used, certificates are verified, and the connection goes to the address that the policy has seen.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import io
import socket
import time
import zlib
from typing import TYPE_CHECKING, Any, Callable, Dict, NamedTuple, Optional, Sequence, Tuple, Union
from urllib.parse import unquote, unquote_to_bytes, urljoin, urlsplit

from ..errors import TrackerError
from . import resolver
from .os_errors import describe
from .sockets import Socket

if TYPE_CHECKING:
    import ssl

MAX_REDIRECTS = 5
"""As libtorrent."""
MAX_URL = 8192
"""Characters of a URL, redirects included."""
MAX_HEAD = 256 * 1024
"""Bytes of status line, headers and the sizes of chunks, beside the body."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""This machine has no address, or no route, of the family."""
_GZIP = 31
"""``wbits`` of zlib for gzip alone."""
_CHUNK = 65536


class Response(NamedTuple):
    """A whole answer, whatever its status."""

    url: str
    """The URL that answered, after redirects."""
    status: int
    body: bytes
    host: str = ""
    """Numeric address that answered."""


class Target(NamedTuple):
    """A URL in its parts."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query."""
    credentials: str
    """``user:password``; empty for none."""

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str) -> Target:
    """The parts of an http or https URL; raises TrackerError for all else, and for what could be two requests."""
    if len(url) > MAX_URL:
        raise TrackerError(f"URL is {len(url)} characters long, more than {MAX_URL}", f"{url[:80]}…")
    if not url.isascii() or any(char <= " " or char in "\x7f\\" for char in url):
        raise TrackerError("URL holds a character that is not allowed in one", url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise TrackerError(f"URL is malformed: {error}", url) from error
    if parts.scheme not in _PORTS:
        raise TrackerError(f"scheme {parts.scheme!r} is neither http nor https", url)
    if not parts.hostname or port == 0 or "%" in parts.hostname:
        raise TrackerError("URL has no usable host and port", url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    userinfo = parts.netloc.rpartition("@")[0]
    credentials = unquote_to_bytes(userinfo).decode("latin-1")
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path, credentials)


class Fetch:
    """One GET; ``run`` it in a thread, ``cancel`` it from another.

    Without ``allow_private`` it goes to public addresses only.  Where private ones are allowed, a URL that is not
    ``trusted``, and every URL that a redirect leads to, is asked of them only if it is that of a tracker
    (:func:`is_tracker_path`), unless ``check_paths`` is false.  With a ``family`` (4 or 6) only addresses of that are
    used, and the connection comes from the address ``source`` if one is given.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        max_body: int,
        user_agent: str,
        allow_private: bool = True,
        check_paths: bool = True,
        trusted: bool = False,
        family: int = 0,
        source: str = "",
        tls: Optional[Callable[[], ssl.SSLContext]] = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self._timeout = timeout
        self._clock = clock
        self._deadline = clock() + timeout
        self._max_body = max_body
        self._user_agent = user_agent
        self._allow_private = allow_private
        self._check_paths = check_paths
        self._trusted = trusted
        self._family = family
        self._source = source
        self._tls = tls or default_context
        self._socket: Optional[socket.socket] = None
        self._cancelled = False
        self._host = ""
        """Numeric address of the last connection."""

    def run(self) -> Response:
        """The answer, after at most five redirects.  Raises TrackerError when there is no whole one in time."""
        url = self.url
        for _ in range(MAX_REDIRECTS + 1):
            target = parse_url(url)
            try:
                status, headers, body = self._get(target)
            except TrackerError as error:
                raise type(error)(error.reason, url) from error
            except Exception as error:
                raise TrackerError(self._reason(error), url) from error
            finally:
                self._disconnect()
            location = headers.get("location")
            if status not in REDIRECTS or not location:
                return Response(url, status, body, self._host)
            url = _redirected(url, target, location)
            self._trusted = False
        raise TrackerError(f"more than {MAX_REDIRECTS} redirects", self.url)

    def cancel(self) -> None:
        """Make ``run`` fail soon; from any thread.  A name look-up under way cannot be ended."""
        self._cancelled = True
        sock = self._socket
        if sock is not None:
            with contextlib.suppress(OSError):
                Socket.shutdown(sock, socket.SHUT_RDWR)

    def abandon(self) -> None:
        """In the child of a fork: close the descriptor, which leaves the parent's connection as it is."""
        if self._socket is not None:
            Socket.close(self._socket)

    # -- one request -------------------------------------------------------------------------------------------------

    def _get(self, target: Target) -> Tuple[int, Dict[str, str], bytes]:
        import http.client

        sock = self._connect(target)
        sock.settimeout(self._left())
        sock.sendall(self._request(target))
        wire = Wire(sock, self._left, 2 * self._max_body + MAX_HEAD)
        response = http.client.HTTPResponse(wire, method="GET")  # type: ignore[arg-type]  # it only calls makefile
        try:
            response.begin()
            headers = {name.lower(): value for name, value in response.getheaders()}
            if response.status in REDIRECTS and "location" in headers:
                return response.status, headers, b""
            return response.status, headers, self._body(response, headers)
        finally:
            response.close()

    def _connect(self, target: Target) -> socket.socket:
        """A connection to the first address that takes one, each given its share of the time left."""
        addresses = self._of_family(resolver.resolve(target.host, target.port, allow_private=self._allow_private))
        if self._check_paths and not self._trusted and not is_tracker_path(target.path):
            private = addresses[0][0]
            addresses = tuple([address for address in addresses if resolver.is_public(address[0])])
            if not addresses:
                raise TrackerError(f"{private} is not public, and only /announce… and /scrape… are asked for there")
        failure: Exception = TrackerError("no address")
        for number, (host, port) in enumerate(addresses):
            try:
                sock = Socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
                self._hold(sock)
                sock.settimeout(self._left() / (len(addresses) - number))
                if self._source:
                    sock.bind((self._source, 0))
                sock.connect((host, port))
            except OSError as error:
                failure = error
                if self._family and error.errno in _NO_WAY:
                    failure = resolver.FamilyUnavailable(f"{describe(error)} over IPv{self._family}")
                self._disconnect()
                continue
            self._host = host
            # What the internet answers may lead nowhere but to the internet (server-side request forgery).
            self._allow_private = self._allow_private and not resolver.is_public(host)
            return self._encrypted(sock, target.host) if target.scheme == "https" else sock
        raise failure

    def _of_family(self, addresses: Sequence[resolver.Address]) -> Tuple[resolver.Address, ...]:
        found = tuple([address for address in addresses if self._family in (0, 6 if ":" in address[0] else 4)])
        if not found:
            raise resolver.FamilyUnavailable(f"has no address of IPv{self._family}")
        return found

    def _encrypted(self, sock: socket.socket, host: str) -> socket.socket:
        wrapped = self._tls().wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        self._hold(wrapped)
        wrapped.settimeout(self._left())
        wrapped.do_handshake()
        return wrapped

    def _request(self, target: Target) -> bytes:
        lines = [
            f"GET {target.path} HTTP/1.1",
            f"Host: {target.authority}",
            f"User-Agent: {self._user_agent}",
            "Accept-Encoding: gzip",
            "Connection: close",
        ]
        if target.credentials:
            lines.append(f"Authorization: Basic {base64.b64encode(target.credentials.encode('latin-1')).decode()}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def _body(self, response: Any, headers: Dict[str, str]) -> bytes:
        """The body as it was before its encoding, never more than ``max_body`` bytes of either."""
        if response.length is not None and response.length > self._max_body:
            raise TrackerError(f"answer of {response.length} bytes, more than {self._max_body}")
        parts = []
        size = 0
        while size <= self._max_body:
            part = response.read(min(_CHUNK, self._max_body + 1 - size))
            if not part:
                break
            parts.append(part)
            size += len(part)
        if size > self._max_body:
            raise TrackerError(f"answer of more than {self._max_body} bytes")
        if response.length:
            raise TrackerError(f"answer ends {response.length} bytes too early")
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("gzip", "x-gzip"):
            return self._decompressed(b"".join(parts))
        if encoding in ("", "identity"):
            return b"".join(parts)
        raise TrackerError(f"answer has the unknown encoding {encoding!r}")

    def _decompressed(self, data: bytes) -> bytes:
        stream = zlib.decompressobj(_GZIP)
        try:
            body = stream.decompress(data, self._max_body + 1)
        except zlib.error as error:
            raise TrackerError(f"answer is not valid gzip: {error}") from error
        if len(body) > self._max_body:
            raise TrackerError(f"answer of more than {self._max_body} bytes when decompressed")
        if not stream.eof:
            raise TrackerError("answer ends inside its gzip data")
        return body

    # -- time and sockets ----------------------------------------------------------------------------------------------

    def _left(self) -> float:
        """Seconds until the deadline; raises when there are none."""
        if self._cancelled:
            raise TrackerError("cancelled")
        left = self._deadline - self._clock()
        if left <= 0:
            raise TrackerError(self._late())
        return left

    def _late(self) -> str:
        return f"no whole answer within {self._timeout:g} s"

    def _hold(self, sock: socket.socket) -> None:
        """Let ``cancel`` reach the socket."""
        self._socket = sock
        if self._cancelled:
            raise TrackerError("cancelled")

    def _disconnect(self) -> None:
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()

    def _reason(self, error: Exception) -> str:
        """Why there is no answer, in plain words."""
        import http.client

        if self._cancelled:
            return "cancelled"
        if isinstance(error, socket.timeout):
            return self._late()
        if isinstance(error, http.client.RemoteDisconnected):
            return "closed by the server without an answer"
        if isinstance(error, http.client.IncompleteRead):
            return "answer ends too early"
        if isinstance(error, http.client.HTTPException):
            return f"not a valid HTTP answer: {str(error) or type(error).__name__}"
        verdict = getattr(error, "verify_message", None)
        if verdict:
            return f"certificate refused: {verdict}"
        library = getattr(error, "library", None)
        if library:
            return f"TLS failed: {getattr(error, 'reason', None) or error}"
        if isinstance(error, OSError):
            return describe(error)
        if isinstance(error, ImportError):
            return "this Python has no TLS"
        return f"not a valid HTTP answer: {error}"


class Wire(io.RawIOBase):
    """What comes from a socket, within a deadline and a number of bytes."""

    def __init__(self, sock: socket.socket, left: Callable[[], float], limit: int) -> None:
        self._sock = sock
        self._left = left
        self._limit = limit

    def makefile(self, mode: str) -> io.BufferedReader:
        """Itself, buffered; all that ``http.client`` asks of a socket."""
        return io.BufferedReader(self, _CHUNK)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Union[bytearray, memoryview]) -> int:  # type: ignore[override]
        """Read once."""
        self._sock.settimeout(self._left())
        size = self._sock.recv_into(buffer)
        self._limit -= size
        if self._limit < 0:
            raise TrackerError("answer is larger than allowed, headers and sizes of chunks included")
        return size


def is_tracker_path(path: str) -> bool:
    """Whether a path, with or without a query, is one of trackers: ``/announce…`` or ``/scrape…``, straight on.

    A torrent names any URL it likes; at this machine and in its network that could be one that does something
    (the interface of a router), where the internet cannot reach and we can.
    """
    plain = unquote(path.partition("?")[0])
    return plain.startswith(("/announce", "/scrape")) and "/." not in plain and "\\" not in plain and "%" not in plain


def default_context() -> ssl.SSLContext:
    """TLS that verifies certificates and names."""
    import ssl

    return ssl.create_default_context()


def _redirected(url: str, target: Target, location: str) -> str:
    """The URL that a redirect leads to; raises TrackerError for one that may not be followed."""
    if not location.isascii() or any(char <= " " for char in location):
        raise TrackerError("redirect to a URL with a character that is not allowed in one", url)
    try:
        new = urljoin(url, location)
    except ValueError as error:
        raise TrackerError(f"redirect to a malformed URL: {error}", url) from error
    scheme = new.partition(":")[0].lower()
    if scheme not in _PORTS:
        raise TrackerError(f"redirect to the scheme {scheme!r}", url)
    if target.scheme == "https" and scheme != "https":
        raise TrackerError("redirect from https to http", url)
    return new
