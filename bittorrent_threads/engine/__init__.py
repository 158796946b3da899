"""The network thread: the one place that knows everybody and wires them.

- ``Engine``: the torrents of a session, its one port, the strangers at its door.
- ``Torrent``: the parts of one torrent; routes between them and decides nothing.
- ``Handshaker``: a connection before its handshake is done.  ``Peer``: one after.  ``Peers``: those of a torrent.
- ``IncomingConnections``: connections that came in and said no handshake yet.
- ``Uploader``: what one peer is sent.  ``Choking``: who may ask.  ``RateLimits``: the rate limits, and what they leave.
- ``FlowControl``: when a peer is read.  ``PeerTimeouts``: how long it may keep us waiting.
- ``PieceTracker``: which pieces are ours, and how they came to be.  ``Checks``: hash checks.
- ``FileCheck``: which files are there.  ``UnreadablePieces``: pieces that could not be read.
- ``FileOwnership``: which files are its own.  ``FilePreparation``: they are claimed, and made.
- ``ResumeStore``: what is remembered from one run to the next.
- ``MoveStorage``: files moved while the torrent runs.
- ``StorageRetry``: a disk that failed.  ``WaitGroup``: what a stopped torrent still waits for.
- ``Announces``: the announces of one torrent.  ``TrackerClients``: which client announces to URLs of which scheme;
  ``HttpTracker`` is that of HTTP.
- ``Dialer``: whom to dial.  ``snapshot``: what the user sees.
- ``ports``: what comes from outside: network, disk, look-ups.

The rule: everything here runs on the network thread, never waits, and is owned by it alone: there is no lock.  What is
decided is decided in ``swarm``; what is said on the wire is made in ``protocol``; here is only who tells whom.

A block comes in: the stream hands bytes to ``Peer.on_received``; the wire cuts them; ``Downloads.block`` copies each
block into its piece, unless it can stay where it is; a whole piece goes to ``PieceTracker``; the touched peer is
settled at the end of the pass, which asks it for more; finished pieces go to the disk in one job; its
answer sets bits, tells peers, trackers and the user.

A block goes out: a request is queued by ``Uploader``; the settled peer's requests become one read; its answer becomes
one list of headers and slices; the stream sends it at the end of the pass.
"""
