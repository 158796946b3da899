"""What peers and trackers say to each other, as machines without sockets or clocks (sans-IO).

    messages         ids and encoders of the peer wire
    handshake        ``Handshake``: the first 68 bytes of a connection, both directions
    wire             ``Wire``: everything a peer sends after them, as tuples; the hot path
    early_availability  what a peer has, said before the number of pieces is known
    fast             the allowed fast set
    extension        ``ExtensionHandshake``: what peers tell of themselves
    extension_table  ``ExtensionTable``: the extension messages we take, a row for each
    peer_extensions  ``PeerExtensions``: the extensions of one connection, and the ids of the other end
    peerid           making ours, naming the client behind theirs
    announce         ``AnnounceRequest`` and ``AnnounceReply``, and their form on HTTP
    scrape           ``SwarmCounts``: the size of a swarm without joining it
    tracker_reply    what all replies of HTTP trackers share, and ``TrackerFailure``; ``lenient_bencode`` decodes them
    registry         ``Registry``: the tracker's side of announces and scrapes
    addresses        compact addresses

How to drive a machine, the same for all of them:

1. Hand in every byte that came: ``receive(data)``, in chunks of any size.  It never raises.
2. Look at ``failed``.  When it is not empty it is the reason to close the connection; the machine takes nothing more,
   and what it returned before still counts.
3. Send what it gives (``data_to_send()`` of a handshake) and act on what it returned, before handing in more.
4. When the handshake is ``done``, its ``leftover`` is the first input of a new ``Wire``.

``wire`` reads and ``messages`` writes: nothing that is sent depends on what is being parsed, so there is no machine
for sending.  An answer of a tracker comes whole, so it is parsed by a function; there the bad input is a
``TrackerError``, which the engine hands to the announcer.
"""
