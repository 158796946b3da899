"""Threads, and waiting for them, in a process whose main thread may be interrupted between any two instructions.

What Ctrl-C, a fork and a program that forgets have in common: the thread that began something may never end it.  So
nothing here is held by one thread while another needs it.

- ``Latch``: closed until it is set, then open for good; whoever sets it waits for nobody.
- ``Bell``: wakes all who wait for a change; each waits for a latch of its own, which the ring takes away.
- ``greenlets``: what a thread needs in a process that gevent or eventlet has patched.
- ``original``: what gevent and eventlet replace, as it was.
- ``sheltered``: a call that is made whole or not at all, by a thread that no signal reaches.
- ``Thread``: a daemon thread whose start and end may be waited for, given up and waited for again.

The rule: a thread of the library never acquires a lock that a user's thread may hold.  ``threading.Event``,
``Condition`` and ``queue.Queue`` have such a lock, and so has a ``threading.Thread`` while it starts; an interrupt in
their Python code can leave it taken for ever.  Where two threads decide something together, the first entry of a list
counts: to append to a list, or to take from a deque, is one step.
"""
