"""Threads, and waiting for them, in a process whose main thread may be interrupted between any two instructions.

- ``latch``: ``Latch``, an event that happens once and that threads wait for.
- ``waiters``: ``Waiters``, the threads that wait for the next change.
- ``thread``: ``Thread``, a daemon thread whose start and end can be waited for again after an interrupt.
- ``fork``: ``close_after_fork``, for objects with sockets and a thread.
- ``uninterrupted``: ``run_uninterrupted``, a call that no signal breaks off in the middle.
- ``original``: functions of the standard library without the patches of gevent and eventlet.
- ``greenlets``: what a thread needs in a process that gevent or eventlet has patched.

The rule: a thread of the library never acquires a lock that a user's thread may hold, because an interrupt, a fork or a
program that forgets to finish can leave the lock acquired for ever.  ``threading.Event``, ``Condition`` and
``queue.Queue`` have such a lock in Python code, and so has a ``threading.Thread`` while it starts.  Where two threads
must agree on one outcome, each appends to a list and the first entry counts: an append is atomic.
"""
