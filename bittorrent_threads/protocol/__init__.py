"""The peer wire and tracker protocols, as state machines without sockets and clocks.

    messages            ids and encoders of the messages of the peer wire
    handshake           ``Handshake``: the first 68 bytes of a connection, in both directions
    wire                ``Wire``: parses everything that a peer sends after them; the hot path
    early_availability  pieces of a peer, received before the number of pieces is known
    fast                the allowed fast set
    extension           ``ExtensionHandshake``: the extension handshake
    extension_table     ``ExtensionTable``: the extension messages that this client accepts, a row for each
    dont_have           the message that takes a piece back (BEP 54)
    peer_extensions     ``PeerExtensions``: the extensions of one connection, and the ids of the other end
    pex                 ``PexMessage``: what peers tell of each other
    local_discovery     ``LocalAnnounce``: what is told to the local network by multicast
    metadata_exchange   the messages in which peers send each other the metadata of a torrent
    peer_id             makes the peer id of this client, and names the client of others
    announce            ``AnnounceRequest`` and ``AnnounceReply``, and their form in HTTP
    scrape              ``SwarmCounts``: the size of a swarm without joining it
    udp_tracker         ``UdpTracker``: the exchanges with one UDP tracker, which sends again what was lost
    udp_tracker_messages  its datagrams
    tracker_reply       what all replies of HTTP trackers share, and ``TrackerFailure``
    lenient_bencode     decodes the bencoding of trackers
    registry            ``Registry``: the tracker's side of announces and scrapes
    addresses           compact addresses
    crc32c              the checksum of peer priorities and node ids

All machines are used in the same way:

1. Give every received byte to ``receive(data)``, in chunks of any size.  It never raises.
2. Look at ``failed``.  If it is not empty it is the reason to close the connection.  The machine then accepts nothing
   more, and what it returned before is valid.
3. Send its output (``data_to_send()`` of a handshake) and act on what it returned, before giving it more.
4. When the handshake is ``done``, its ``leftover`` is the first input of a new ``Wire``.

``wire`` parses and ``messages`` encodes.  What is sent does not depend on what is being parsed, so no machine is needed
for sending.  A reply of a tracker arrives completely, so a function parses it; bad input is a ``TrackerFailure`` there.
"""
