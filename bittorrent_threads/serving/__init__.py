"""The files of one torrent over HTTP, for media players, browsers and other programs on the same machine.

    file_server     ``FileServer``: the port, the threads and the limits; ``Client.serve`` makes it
    connection      ``Connection``: one connection: reads requests and sends answers, in a thread of its own
    request         ``Request``: the head of a request, parsed strictly
    answer          ``Answer``: what a request is answered with, and ``answer_to``, which decides it
    access          which requests are refused because of the page or the host name they come from
    byte_ranges     the header field Range
    preconditions   the header fields If-Match, If-None-Match and If-Range
    catalogue       ``Catalogue``: the path, the type and the entity tag of each file
    content_types   the media type of a file, by its name
    listing         the page that lists the files

All but the first two know no socket and no clock: what a request is answered with follows from its head and the torrent
(RFC 9110, RFC 9112).

The rule: what the other end sends is bounded before memory is taken for it, and every wait for it has a limit.  No path
of a request ever becomes a path of the system: it is looked up among those of the torrent, as it is.

A thread of a connection waits in one of three places: for a request, for data of the torrent, and for the other end to
take data.  Closing the server ends each of them: it shuts the sockets down, and ``Departure`` cancels the reads.
"""
