"""Which requests are refused because of the host name or the page that they come from.

A page in a browser can make the browser request any URL of this machine, in two ways.  With DNS rebinding the name of
the page's own host resolves to this machine, and the page reads the answers; such a request has that name in ``Host``.
Otherwise it embeds the URL, reads nothing, and still learns whether the file is there; such a request has the page in
``Sec-Fetch-Site``, ``Origin`` or ``Referer``.

The rule: the host must be an address or a name that the server was given, and the page must be of this machine or of an
origin that the server was given.  A link that is followed to a file is no embedding.
"""

from __future__ import annotations

from typing import Container, Mapping
from urllib.parse import urlsplit

from ..protocol.addresses import numeric_host

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
EVERYWHERE = frozenset({"0.0.0.0", "::"})
"""Addresses that stand for every address of the machine."""
ANY_ORIGIN = "*"


def host_objection(host: str, bound: str) -> str:
    """Return why a request for a host is refused; empty if it is not.

    Args:
        host: The host and the port that the request names; empty if it names none, which no browser does.
        bound: The host that the server was given to listen on.
    """
    name = host_of(host)
    if not host or name in LOOPBACK or name == bound.lower():
        return ""
    if bound in EVERYWHERE and numeric_host(name):
        return ""  # only a name can be rebound
    return f"this server is not {name or 'of that name'}"


def host_of(host: str) -> str:
    """Return a host without its port and brackets, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def page_objection(fields: Mapping[str, str], origins: Container[str]) -> str:
    """Return why a request of a page is refused; empty if it is not.

    Args:
        fields: The header fields of the request.
        origins: Origins whose pages may use the server, besides those of this machine; ``*`` for all.
    """
    site = fields.get("sec-fetch-site", "none")
    if site in ("none", "same-origin") and "origin" not in fields:
        return ""
    if fields.get("sec-fetch-mode") == "navigate" and fields.get("sec-fetch-dest") == "document":
        return ""
    origin = fields.get("origin") or _origin_of(fields.get("referer", ""))
    if ANY_ORIGIN in origins or origin in origins or _is_local(origin):
        return ""
    return f"pages of {origin or 'an unknown origin'} may not use this server"


def _origin_of(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}".lower() if separator else ""


def _is_local(origin: str) -> bool:
    try:
        url = urlsplit(origin)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and "@" not in url.netloc and host_of(url.netloc) in LOOPBACK
