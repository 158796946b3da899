"""The network thread: sockets, a clock and timers; bytes and addresses only, nothing of BitTorrent.

    loop            ``Loop``: the thread, which selects and calls the owners of sockets and timers
    selection       ``Selection``: the open sockets, and the events that each is selected for
    interfaces      protocols between the loop, the sockets and the owners of connections
    stream          ``TcpStream``: one connection, read into shared memory and written from a queue of buffers
    transport       ``Transport``: a way to make a connection other than plain TCP
    receive_pool    ``ReceivePool``: the memory that streams read into, and that a piece may borrow
    listener        ``TcpListener``: a port that accepts connections
    datagram        ``UdpSocket``: a socket for datagrams, shared by several protocols
    multicast       ``MulticastSocket``: a socket in a group of the local network
    demultiplexer   ``Demultiplexer``: finds the protocol of a datagram by its first bytes
    binding         ``bind``: sockets on one port for IPv4 and IPv6
    socket_addresses  addresses of the system, and as the library writes them
    source_address  ``source_of``: the address that a connection leaves from
    sockets         ``Socket``: a socket of the operating system, also in a patched process
    throttle        ``Throttle``: a rate limit; ``ThrottleQueue``: the streams that wait for it
    timers          ``Timers``: calls that are due later
    mailbox         ``Mailbox``: callbacks from other threads
    wakeup          ``Wakeup``: ends the wait of the selector from another thread
    readiness       ``Readiness``: a descriptor for event loops of other libraries
    reply           ``Reply``: a result that a user's thread waits for
    read_coalescer  ``ReadCoalescer``: how long the loop rests between two passes
    gil_contention  ``GilContention``: how long system calls wait for the GIL
    lookups         ``Lookups``: name resolution and HTTP requests in threads that may hang
    request_queue   ``RequestQueue``: the order in which such requests get a thread
    resolver        ``resolve``: name resolution with a policy for addresses
    http            ``Fetch``: one HTTP GET request within a deadline
    os_errors       system errors in plain words

The rule: everything of ``Loop`` runs on its own thread, except ``start``, ``stop``, ``join``, ``post``, ``call`` and
``reply``.  Those share only a deque with the thread, and none of them can make it wait.

``now()`` is constant during a pass.  What was queued for a socket leaves at the end of the pass, in one system call for
a stream, and the selector is changed at most once for each socket.  Each system call releases the GIL and can cost a
switch interval (5 ms) while another thread computes in Python; so the design saves system calls, not instructions.

An exception of a callback is a bug of the library.  It is logged with its traceback and passed to ``Loop.on_fault``, it
closes at most the stream that it came from, and the loop goes on.  An exception of the loop itself ends it: every
waiting thread gets ``SessionClosed`` chained to the cause, every socket is closed, and ``Loop.on_end`` is called.
"""
