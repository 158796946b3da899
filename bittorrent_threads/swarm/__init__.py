"""Policy of one torrent: what to ask, whom to serve, whom to meet, whom to blame.  Pure: no socket, clock or chance.

    picker      ``Picker``: which piece to open next; ``availability`` counts who has each
    pieces      ``OpenPiece``: the blocks of a piece that is being received; ``memory`` counts their bytes
    stripes     ``SegmentedPiece``: one too large for the memory, written before it is whole
    blockpiece  ``SingleBlockPiece``: one of a single block, kept where it was received
    opening     ``PieceFactory``: how many pieces are opened, and of which kind
    downloads   ``Downloads``: requests out and blocks in; ``pipeline`` is the part of one peer
    window      ``RequestWindow``: how many blocks may be under way at a limited rate
    finished    ``FinishedPieces``: pieces of which every block is here, until the disk has answered for them
    smart_ban   ``SmartBan``: who sent the block that made a piece bad; ``parole`` says who may be asked for it next
    files       ``FileProgress``: which pieces the priority of a file makes wanted
    uploads     ``Uploads``: requests of one peer that we will fill
    choker      ``Choker``: which peers may ask us
    peerlist    ``PeerList``: addresses to dial; ``bans``: peers never to meet again
    dialqueue   ``DialQueue``: which address is dialled next; ``backoff``: how long one is put off
    shares      ``SourceShares``: which address makes room in a full list
    twins       which of two connections with one peer ends
    eviction    which connections end when others find no room; ``priority``: what one is worth by its addresses
    ownhost     ``ExternalAddress``: which host others see us as
    announcer   ``Announcer``: which trackers to announce to, when, and with which event
    tracker_state  ``Tracker``: the state of one tracker, ``Host``: the failures of the host behind it
    rate        ``Rate``: bytes a second of one direction of one peer

The rule: what a policy decides follows from what it was told.  ``now`` (monotonic seconds) and the random source are
arguments, so a test plays an hour in a millisecond and gets the same swarm twice.  A policy answers its caller, or it
talks to the world through a narrow port, a ``typing.Protocol`` it declares itself, whose methods only enqueue: no
answer comes from inside a call.  What it needs to know of a peer it declares in the same way, as a few attributes.

One thread owns all of it, the network thread: there are no locks.  Nothing a remote peer does raises here; a policy
refuses, ignores, or gives the reason to close the connection.  Every table has a limit, and what happens for each
block or each HAVE costs the same however many pieces and peers there are.
"""
