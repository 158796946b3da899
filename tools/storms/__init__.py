"""Interrupts in every call of the public API, and what they must not leave behind.

A program (``Program``) makes calls of the library again and again; a storm interrupts them.  At the end the program
checks that the interrupted object works and closes, and the child process that no thread and no descriptor is left.

    programs     the table of all programs, which has every public call
    program      what a program is, and the frame of those that use one client
    ground       ``Ground``: the folder, the data and the torrent of a program
    clients events waits files sessions dht torrents trackers plots     the programs
    signals      ``Signals``: interrupts by signals, at random moments
    lines        ``Lines``: an interrupt before each line of the package
    once         ``Once``: no interrupt; records which public calls the program makes
    interface    the names of the public calls
    leftovers    threads and descriptors
    child        the process of one program

A child process makes the call until a signal raises KeyboardInterrupt at a random moment; after one in five interrupts
a second one follows, to interrupt the clean-up.
"""
