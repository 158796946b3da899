"""``Fetch``: one HTTP/1.1 GET request (RFC 9112), as trackers (BEP 3) and web seeds need it.

It runs in a thread that may wait.  The rule: no server can take more than it was allowed.  Every wait ends at one
absolute deadline, so that a server which sends byte by byte gains nothing.  Every byte is counted before the parser
sees it, so that no false length and no fault of the parser makes it read on.  ``http.client`` parses the head and the
chunks only.  Proxies of the environment are not used, certificates are verified, and the connection goes to the address
that the policy was applied to.
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
from .interfaces import Address
from .os_errors import describe
from .socket_addresses import place_of
from .sockets import Socket
from .source_address import source_of

if TYPE_CHECKING:
    import ssl

MAX_REDIRECTS = 5
"""As many as libtorrent follows."""
MAX_URL = 8192
"""Characters of a URL, redirects included."""
MAX_HEAD = 256 * 1024
"""Bytes of the status line, the headers and the chunk sizes, beside the body."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""Errors that mean that this machine has no address or no route of an address family."""
_GZIP = 31
"""``wbits`` of zlib for the gzip format alone."""
_CHUNK = 65536


class Response(NamedTuple):
    """A whole answer, with any status.

    Attributes:
        url: The URL that answered, after redirects.
        status: The HTTP status.
        body: The content, decompressed.
        host: The numeric address that answered.
    """

    url: str
    status: int
    body: bytes
    host: str = ""


class Target(NamedTuple):
    """The parts of a URL.

    Attributes:
        scheme: ``http`` or ``https``.
        host: A name or a numeric address, without brackets.
        port: The port, the standard one of the scheme if the URL has none.
        path: The path with the query.
        credentials: ``user:password``; empty if the URL has none.
    """

    scheme: str
    host: str
    port: int
    path: str
    credentials: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str) -> Target:
    """Return the parts of an http or https URL.

    Raises:
        TrackerError: It is not one, or it has characters that could make two requests of one.
    """
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
    """One GET request; ``run`` it in a thread, ``cancel`` it from another.

    A URL of a torrent may name a service of this machine or its network, which the internet cannot reach.  So a request
    to a private address is made only if the caller trusts the URL or the path is that of a tracker
    (:func:`is_tracker_path`).  The URL of a redirect is not trusted.

    Args:
        url: An http or https URL.
        timeout: Seconds from now on, for everything.
        max_body: Bytes that the answer may have, compressed and decompressed.
        user_agent: The User-Agent header.
        allow_private: Connect to addresses that are not public, too.
        check_paths: Apply the rule for paths to private addresses.
        trusted: Do not apply that rule to ``url``.
        family: 4 or 6 for addresses of that family alone, 0 for both.
        source: The numeric address to connect from, where that can reach the other end; empty for any.
        tls: Returns the TLS context; None for one of its own.
        clock: Returns monotonic seconds.
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
        """The numeric address of the last connection."""

    def run(self) -> Response:
        """Make the request, and follow at most five redirects.

        Raises:
            TrackerError: There was no whole answer in time.
        """
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
        """Make ``run`` fail soon; from any thread.  A name resolution under way cannot be ended."""
        self._cancelled = True
        sock = self._socket
        if sock is not None:
            with contextlib.suppress(OSError):
                Socket.shutdown(sock, socket.SHUT_RDWR)

    def abandon(self) -> None:
        """In the child of a fork, close the descriptor; the connection of the parent is not affected."""
        if self._socket is not None:
            Socket.close(self._socket)

    # -- one request -------------------------------------------------------------------------------------------------

    def _get(self, target: Target) -> Tuple[int, Dict[str, str], bytes]:
        import http.client

        sock = self._connect(target)
        sock.settimeout(self._left())
        sock.sendall(self._request(target))
        reader = LimitedReader(sock, self._left, 2 * self._max_body + MAX_HEAD)
        response = http.client.HTTPResponse(reader, method="GET")  # type: ignore[arg-type]  # it only calls makefile
        try:
            response.begin()
            headers = {name.lower(): value for name, value in response.getheaders()}
            if response.status in REDIRECTS and "location" in headers:
                return response.status, headers, b""
            return response.status, headers, self._body(response, headers)
        finally:
            response.close()

    def _connect(self, target: Target) -> socket.socket:
        """Return a connection to the first address that accepts; each gets its share of the time that is left."""
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
                self._expose(sock)
                sock.settimeout(self._left() / (len(addresses) - number))
                source = source_of(self._source, host)
                if source is not None:
                    sock.bind(source)
                sock.connect(place_of((host, port), family=6 if ":" in host else 4))
            except OSError as error:
                failure = error
                if self._family and error.errno in _UNREACHABLE:
                    failure = resolver.FamilyUnavailable(f"{describe(error)} over IPv{self._family}")
                self._disconnect()
                continue
            self._host = host
            # A redirect of a public server may lead to public addresses only (server-side request forgery).
            self._allow_private = self._allow_private and not resolver.is_public(host)
            return self._encrypted(sock, target.host) if target.scheme == "https" else sock
        raise failure

    def _of_family(self, addresses: Sequence[Address]) -> Tuple[Address, ...]:
        found = tuple([address for address in addresses if self._family in (0, 6 if ":" in address[0] else 4)])
        if not found:
            raise resolver.FamilyUnavailable(f"has no address of IPv{self._family}")
        return found

    def _encrypted(self, sock: socket.socket, host: str) -> socket.socket:
        wrapped = self._tls().wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        self._expose(wrapped)
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
        """Return the decompressed body; neither it nor what is received has more than ``max_body`` bytes."""
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
        """Return the seconds until the deadline; raise TrackerError if there are none."""
        if self._cancelled:
            raise TrackerError("cancelled")
        left = self._deadline - self._clock()
        if left <= 0:
            raise TrackerError(self._late())
        return left

    def _late(self) -> str:
        return f"no whole answer within {self._timeout:g} s"

    def _expose(self, sock: socket.socket) -> None:
        """Make the socket known to ``cancel``."""
        self._socket = sock
        if self._cancelled:
            raise TrackerError("cancelled")

    def _disconnect(self) -> None:
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()

    def _reason(self, error: Exception) -> str:
        """Return why there is no answer, in plain words."""
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


class LimitedReader(io.RawIOBase):
    """The bytes of a socket as a file, with a deadline and a limit.

    Args:
        sock: A blocking socket.
        left: Returns the seconds until the deadline, or raises TrackerError.
        limit: Bytes that may be read.
    """

    def __init__(self, sock: socket.socket, left: Callable[[], float], limit: int) -> None:
        self._sock = sock
        self._left = left
        self._limit = limit

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a buffered reader of this object, which is all that ``http.client`` calls of a socket."""
        return io.BufferedReader(self, _CHUNK)

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Union[bytearray, memoryview]) -> int:  # type: ignore[override]
        """Read once, at most the limit; raises TrackerError beyond it or after the deadline."""
        self._sock.settimeout(self._left())
        size = self._sock.recv_into(buffer)
        self._limit -= size
        if self._limit < 0:
            raise TrackerError("answer is larger than allowed, headers and sizes of chunks included")
        return size


def is_tracker_path(path: str) -> bool:
    """Return true for the path of a tracker, ``/announce…`` or ``/scrape…``, without dot segments; a query is ignored.

    A torrent may contain any URL.  On this machine or in its network a URL may change something, such as the settings
    of a router, which the internet cannot reach and this process can.
    """
    plain = unquote(path.partition("?")[0])
    return plain.startswith(("/announce", "/scrape")) and "/." not in plain and "\\" not in plain and "%" not in plain


def default_context() -> ssl.SSLContext:
    """Return a TLS context that verifies certificates and host names."""
    import ssl

    return ssl.create_default_context()


def _redirected(url: str, target: Target, location: str) -> str:
    """Return the URL that a redirect leads to; raise TrackerError if it must not be followed."""
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
