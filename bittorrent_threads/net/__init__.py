"""The network thread: sockets, the clock and timers; bytes and addresses only, nothing of BitTorrent.

    loop       ``Loop``: the thread; selects, then calls whoever has something to do
    host       what sockets ask of the loop, and what is asked of them
    stream     ``TcpStream``: one connection, read into shared memory and written from a queue of buffers
    receive_pool  ``ReceivePool``: that memory, of which a reader may borrow
    listener   ``TcpListener``: a port that accepts, IPv4 and IPv6
    throttle   ``Throttle``: a rate limit in bytes; ``Line``: the streams that wait for quota, served in turn
    timers     ``Timers``: calls that are due later
    mailbox    ``Mailbox``: callbacks from other threads
    wakeup     ``Wakeup``: ends the wait of the selector from another thread
    reply      ``Reply``: a result that a user's thread waits for
    lookups    ``Lookups``: name resolution and HTTP requests, in threads that may hang
    turns      ``RequestQueue``: whose turn it is among those that wait for such a thread
    http       ``Fetch``: one HTTP GET within a deadline
    reasons    system errors in plain words
    names      numeric addresses of a host, under the address policy

The rule: everything of ``Loop`` runs on its own thread, except ``start``, ``stop``, ``join``, ``post``, ``call`` and
``reply``; those share nothing with it but a deque, and none of them can make the network thread wait.

One pass is: select, mailbox, timers, readable, writable, deferred, output.  A pass is the unit of everything: ``now()``
stands still in it, all that was queued for a stream leaves in one system call at its end, and what a stream wants from
the selector is told to it once.  The reason is the GIL: each system call that lets go of it can cost a switch interval
(5 ms) when the host's main thread is busy, so the design saves calls and not instructions.

What a callback raises is our own bug: it is logged with its traceback and given to ``Loop.on_fault``, it costs at
most the stream that it came from, and the loop goes on.  What the loop itself raises ends it: every waiter is woken
with ``SessionClosed`` chained to the cause, every socket is closed, and ``Loop.on_end`` is told.
"""
