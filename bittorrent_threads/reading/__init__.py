"""Files that are read while they are downloaded, in the thread of the program.

    file_reader   ``FileReader``: an open file, as the module ``io`` has them; ``Client.open`` makes it
    file_choice   finds the file that a program names

The rule: nothing here waits without an end, and nothing here decides what is requested.  A read is one call that is
posted to the network thread, where ``engine.readers`` answers it as soon as the data is verified, and moves the window
of the reader (``swarm.read_windows``).  The thread that reads waits for that answer alone, and looks now and then
whether there was any progress.

No lock is taken.  A reader that is garbage-collected is closed by a call that is only posted.  The network thread
refers to the ``Reader`` of the engine, never to the ``FileReader``.
"""
