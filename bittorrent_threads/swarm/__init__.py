"""Policy of one torrent: what to request, which peers to unchoke, which to dial, and which to ban.

    picker            ``Picker``: which piece to open next; ``availability`` counts the peers of each
    open_piece        ``OpenPiece``: the blocks of a piece that is being received, common to the three kinds
                      ``buffered_piece``, ``single_block_piece``, ``segmented_piece``; ``buffer_pool`` is their memory
    piece_factory     ``PieceFactory``: how many pieces are opened, and of which kind
    open_pieces       ``OpenPieces``: the table of open pieces; ``unfinished_pieces``: those of a run before
    downloads         ``Downloads``: requests out and blocks in; ``endgame``: blocks that are requested twice
    read_windows      ``ReadWindows``: the parts of files that are being read, and their deadlines
    due_requests      ``DueRequests``: what is requested for them, before everything else
    interfaces        ``BlockSource``: a peer or web seed, of which ``pipeline`` keeps the requests
    request_window    ``RequestWindow``: how many blocks may be outstanding under a rate limit
    finished_pieces   ``FinishedPieces``: pieces of which every block was received, until the disk has a verdict
    smart_ban         ``SmartBan``: which source sent a bad block; ``parole``: which may be asked for it next
    have_log          ``HaveLog``: the pieces that peers are to be told of
    file_progress     ``FileProgress``: which pieces the priority of a file makes wanted
    uploads           ``Uploads``: the requests of one peer that we will fill
    metadata_download ``MetadataDownload``: metadata from several peers; ``metadata_upload``: what a peer gets of it
    choker            ``Choker``: which peers are unchoked
    super_seeding     ``SuperSeeding``: which pieces an initial seed offers to which peer
    peer_list         ``PeerList``: addresses to dial; ``bans``: those of banned peers
    dial_queue        ``DialQueue``: which address is dialled next; ``backoff``: how long it is not dialled
    ip_ranges         ``IpRanges``: a set of addresses; ``blocklist`` reads one from the usual files
    source_shares     ``SourceShares``: which address is removed from a full list
    duplicate_connections  which of two connections with one peer is closed
    eviction          which connections are closed to make room; ``peer_priority``: an order of them (BEP 40)
    pex_news          ``PexNews``: what a peer is told of the others; ``pex_limit``: what is taken from it
    local_announcer   ``LocalAnnouncer``: which torrents are announced in the local network, and when
    external_address  ``ExternalAddress``: our own host as others see it
    announcer         which trackers to ask, when, and with which event; ``tracker_state``: what is known of one
    dht_schedule      ``DhtSchedule``: which torrent of a session is looked up in the DHT, and when
    message_quota     ``MessageQuota``: how much processor time the messages of one peer may take
    rate              ``Rate``: bytes a second of one direction of one peer
    rate_history      ``RateHistory``: how fast a torrent received and sent, for the last hour and the last day

The rule: a decision follows from what the policy was told.  ``now`` (monotonic seconds) and the source of chance are
arguments, so that a test runs an hour in a millisecond and gets the same result twice.  A policy answers its caller, or
it asks the engine through a ``typing.Protocol`` of a few methods (``interfaces``), which only enqueue: no answer comes
from inside the call.  It makes no wire messages.  What it needs to know of a peer it declares in the same way, as
attributes.

One thread owns all of it, the network thread: there are no locks.  Nothing that a remote peer does raises an exception;
a policy refuses, ignores, or gives the reason to close the connection.  Every table has a limit, and the work for each
block or HAVE does not grow with the number of pieces and peers.
"""
