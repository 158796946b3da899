"""The node of the distributed hash table (BEP 5, 32, 42, 43), as a machine without sockets and clocks.

    dht            ``Dht``: the machine of a session: datagrams and the time in; datagrams, events and the next time out
    node           ``Node``: the node of one address family; routes what comes to the parts below
    events         what the machine tells: peers that were found, searches that ended, nodes that are needed
    limits         ``Limits``: what it may take and send
    statistics     ``Statistics``: the figures of one moment
    saved_state    the state that is kept between two runs

    krpc           parses and encodes the messages
    node_id        ids, their distance, and the ids that an address may have (BEP 42)
    place          ``Place``: a checked address, its host and its network
    contact        ``Contact``: a node, and whether it is good, questionable or bad
    bucket         ``Bucket``: up to eight nodes of a part of the id space, and their replacements
    routing_table  ``RoutingTable``: the buckets; only the one around our own id is split

    transactions   ``Transactions``: the queries that wait for an answer
    queries        ``Queries``: sends queries; ``query_pace`` spares the hosts that are asked
    outbox         ``Outbox``: what is to be sent, within the ``send_budget``
    lookup         ``Lookup``: which node to ask next, and when a lookup has converged
    walk           ``Walk`` and ``PeerWalk``: a running lookup of nodes or of peers, with its announces
    searches       ``Searches``: the searches for peers that run and wait
    peer_search    ``PeerSearch``: what one of them has found
    joining        ``Joining``: finds the first nodes
    upkeep         ``Upkeep``: pings, refreshes, and the choice of our id
    pings          ``Pings``: asks addresses that somebody named

    responder      ``Responder``: answers queries
    flood_guard    ``FloodGuard``: ignores hosts that send too much
    tokens         ``Tokens``: proves that the address of an announce is not forged
    peer_store     ``PeerStore``: the peers that others announced

The rule: nothing that comes is believed alone.  A reply counts if it has the random id of a query and comes from where
that query went.  A node comes into the table, and is told to others, only when it replied.  A peer is stored only for
the host that received a token.  Our own address is what several hosts agree on.  The limits of one node for a host or a
network make an attacker need many networks.

What a datagram costs is bounded by its length and the size of a table: at most one answer, of at most 1,024 bytes,
within a budget for all answers, and no memory but a place in a table of fixed size.
"""
