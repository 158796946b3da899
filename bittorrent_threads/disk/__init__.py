"""Where the bytes are kept, and the worker threads that read, hash and write them.

    disk        ``Disk``: the workers and open files of a session, the storages of its torrents
    storage     ``Storage``: one torrent as the network thread sees it: questions in, ``answers`` back
    pool        ``Pool``: the workers, and the jobs that wait for them
    pieces      ``Pieces``: pieces saved, loaded and checked
    content     ``Content``: bytes of the torrent by position, in a file, in the ``partfile``, or padding
    torrentfiles
                ``TorrentFiles``: the files of a torrent by index, under the paths that ``naming`` chose
    epochs      ``Epochs``: which pieces are still trusted after another program changed a file
    file_pool   ``FilePool``: the files in use, few of them open (``handles``); ``file``: what is known of one
    hash_buffer ``HashBuffer``: memory of a worker into which neighbouring pieces are read
    folder      ``Folder``: names that never lead outside of a folder; ``descriptor`` reads and writes at a position
    claims      ``Claims``: which torrent uses which files, told to other sessions and processes by ``locks``
    allocation  the room of a whole file, taken before the download
    moving      files on their way to another folder
    resume      ``Resume``: which pieces are on disk and right, stored in a file
    trust       what of a ``Resume`` is still true, by comparison with the files
    create      a new .torrent from files, found by ``sources``

The rule: nothing false, nothing lost.  Data reaches a file only after its hash was right, is read only from the file
that was met, is hashed again if that was changed, and is claimed in resume data only after it was synced.  What goes
wrong is a ``StorageError`` with path and errno in the answer to the question; a worker dies of nothing, and answers
everything exactly once.

What threads share: ``Storage`` belongs to the network thread and has no lock.  ``Pool`` has one for its queues.
``Content`` has one for its part file, held during its reads and writes: they are small and rare.  Each ``File`` has one
that is held while it is written (a read does not wait for it), ``FilePool`` one for its table and what is known of
files, never held during a system call.  A thread takes these three in this order only.  ``Claims`` has one for its
table, and one a folder for the file in it; the first is taken while the second is held, never the other way.
Everything else that a job touches does not change.

A piece written:
 1. The last block of a piece came: the engine gives its buffer to ``Storage.save``, perhaps with other pieces.
 2. A worker hashes each.  Those that are wrong are done with; bad data never reaches a file.
 3. Neighbours become one run of bytes, the run spans of files, each span a few ``pwritev`` from the buffers themselves.
 4. Each file is first seen to be the one it was: not removed, not replaced.
 5. The answer, one ``Saved`` for all, goes back to the network thread through ``post``.
 6. Now and then ``sync``: every file written since is made durable, its name too, and looked at again.
 7. Only then do the pieces claimed before it go into resume data: a new file, synced, renamed over the one before.

A block read: the engine gathers requests into one ``load``; a worker reads each span with one ``pread``, from a file
that is still itself; the bytes go back and leave from where they are.
"""
