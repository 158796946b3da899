"""The network thread: the layer that owns every mutable object of a session and connects the parts.

A session:

- ``Engine``: the torrents of a session, and its listening port.  ``ConnectionLimit``: how many connections it may have.
- ``Handshakes``, ``Handshaker``, ``IncomingConnections``: connections whose handshake is not finished.
- ``Datagrams``: its UDP sockets, which UDP trackers and the DHT share.
- ``DhtNode``: the node in the distributed hash table; ``DhtBootstrap``: through whom it joins.  ``DhtAnnounces``: the
  torrents that are looked up there.
- ``AddressFilter``: which hosts are refused, in both directions.
- ``LocalDiscovery``: announces to the local network, and peers that are heard there.
- ``Dialer``: which addresses to dial.
- ``TrackerClients``: announces and scrapes, by the scheme of the URL: ``HttpTracker``, or ``UdpTrackerClient``, whose
  ``TrackerAddresses`` are resolved once for all torrents.

A torrent, from its infohash on:

- ``TorrentParams``: how it was added.
- ``Torrent``: its phase (``phase``: one enum and one table), its connections, trackers and addresses; it only routes.
- ``TorrentTicker``: what it does once a second.
- ``Peers``: its connections.  ``Connection``: one of them, ``EarlyPeer`` before the metadata is known, ``Peer`` after.
- ``extension_table``: the extension messages of all connections, one row for each (BEP 10); ``PeerExchange``,
  ``MetadataExchange``, ``DontHave`` and ``UploadOnly`` handle them.
- ``Metadata``: the info dictionary of a magnet link, from an earlier run or from peers.
- ``FlowControl``: when a peer is read.  ``PeerTimeouts``: how long it may keep us waiting.
- ``Choking``: which peers may request.  ``RateLimits``, ``TransferRates``: what it may and does receive and send.
- ``TorrentDht``: its part in the distributed hash table.
- ``Announces``: its trackers.  ``AddressGate``: the one way for addresses of peers into its list.
- ``EventPublisher``, ``snapshot``: what the user is told and sees.  ``WaitGroup``: what a stopped torrent waits for.

Its content, once the metadata is known:

- ``Payload``: makes and connects the parts below, and routes between them.
- ``StoredFiles``, ``PieceStates``: the parts that those which use the disk are given together.
- ``Exchange``: the peers that exchange pieces.  ``Uploader``, ``UploadTurns``: what a peer is sent, and when.
- ``SeedMode``: what the peers of a super-seed are told.
- ``VerifiedPieces``: which pieces are there.  ``PieceWriter``: finished pieces on their way to the disk.
- ``Checks``: hash checks.  ``FileCheck``: which files are there.  ``UnreadablePieces``: pieces that may be there.
- ``FileOwnership``, ``FilePreparation``, ``FilePaths``, ``MoveStorage``: which files are its own, made, where, moved.
- ``Readers``: the files that programs read while they are downloaded.
- ``ResumeStore``: what is stored from one run to the next.  ``StorageRetry``: a disk that failed.

The rule: everything here runs on the network thread and never waits, so that there is no lock.  Decisions are made in
``swarm``, messages in ``protocol``.  A part is given the parts that it uses; what it tells upwards goes through a
protocol in its own module, so that no module imports one that imports it.  ``interfaces`` has what comes from outside.

A block comes in: the stream hands bytes to ``Peer.on_received``; the wire cuts them; ``Downloads.block`` copies each
block into its piece, unless it can stay where it is; a finished piece goes to ``PieceWriter``; at the end of the pass
finished pieces go to the disk in one job, and the touched peers are settled, which requests more.  The answer of the
disk sets bits, and tells peers, trackers and the user.

A block goes out: a request is queued by ``Uploader``; the settled peer's requests become one read; its answer becomes
one list of headers and slices; the stream sends it at the end of the pass.
"""
