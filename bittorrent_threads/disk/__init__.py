"""Files, hashes and resume data: what the disk threads do.

    disk            ``Disk``: the disk threads and open files of a session, and the storages of its torrents
    storage         ``Storage``: the files of one torrent as the network thread sees them
    results         the results of jobs, one type for each kind
    destination     ``Destination``: memory of a program that a disk thread reads into
    pool            ``Pool``: the disk threads, and the jobs that wait for them
    piece_io        ``Pieces``: saves, loads and checks pieces
    hash_buffer     ``HashBuffer``: the memory of a thread into which adjacent pieces are read
    content         ``Content``: the bytes of a torrent by position: in a file, in the part file, or padding
    check_files     finds the pieces that may be in the files, without reading any
    part_file       ``PartFile``: bytes of wanted pieces that belong to unwanted files
    torrent_files   ``TorrentFiles``: the files of a torrent by index
    path_choice     ``PathChoice``: which of its possible paths a file has
    epochs          ``Epochs``: which pieces are still trusted after another program changed a file
    file_pool       ``FilePool``: the files in use; ``handles`` keeps few of them open
    small_files     ``SmallFiles``: many small files one after the other
    file            ``File``: what is known of one file, and whether another program changed it
    file_errors     the errors of one file
    descriptor      ``Descriptor``: reads and writes at a position of an open file
    folder          ``Folder``: names below a folder, never by a link; ``open_folders`` stay open during a job
    unsynced_files  ``UnsyncedFiles``: files that were written and are not durable yet
    flush           ``Flush``: syncs many files with one system call
    write_back      writes a large file to the disk in parts; ``deadline`` is when that, or a sync, has to end
    page_cache      ``PageCache``: where data is that was not synced, and how long it is there
    linux           system calls and the table of mounts of Linux
    allocation      allocates the space of a whole file
    move_storage    moves files to another folder; ``subtree`` moves a whole folder at once
    claims          ``Claims``: which torrent of the session uses which files; ``claim`` is that of one torrent
    claim_file      ``ClaimFile``: the claims in a file for other sessions and processes; ``locks`` locks it
    resume          ``Resume``: which pieces are on disk; ``resume_trust`` compares it with the files
    resume_file     ``ResumeFile``: stores it in a file
    name_journal    ``NameJournal``: the files that were renamed since
    whole_file      reads and replaces small files as a whole
    state_file      ``StateFile``: plain data of a session in a file, such as the nodes of the DHT
    metadata_file   ``MetadataFile``: the metadata that came for a magnet link, beside it
    create          makes a .torrent from files, which ``source_files`` finds, for a ``torrent_output``
    piece_hashing   ``PieceHashing``: hashes its pieces in threads; ``source_reader`` reads the files for one of them

The rule: a piece is written only after its hash was right.  It is read only from the file that was found at the start,
hashed again if that file changed, and recorded in resume data only after it was synced, or together with the page cache
that it is in.  An error is a ``StorageError`` with path and errno in the result of the job.  No error ends a disk
thread, and each job has exactly one result.

Locks: ``Storage`` belongs to the network thread and has none.  ``Pool`` has one for its queues.  ``Content`` has one
for its part file, held during reads and writes, which are small and rare.  ``UnsyncedFiles`` has one, held while the
file system is opened for a flush.  Each ``File`` has one that is held at the begin and the end of a write and while the
file is compared.  ``FilePool`` has one for the fields of files and ``Handles`` one for its table, never held during a
system call.  A thread takes these five in this order only.  ``Claims`` has one for its table and the paths of the
claims, and one for the claim file of each folder; the first may be taken while the second is held, never the other way.
All other objects that a job uses are immutable.

A piece is written:

1. The last block of a piece arrives, and the engine gives the buffer of the piece to ``Storage.save``, possibly with
   other pieces.
2. A disk thread hashes each.  Pieces with a wrong hash are not written.
3. Adjacent pieces become one run of bytes, which is divided into spans of files.  Each span is written with few
   ``pwritev`` calls from the buffers of the pieces.
4. Before that, each file is checked to be the one that was found at the start: not removed and not replaced.
5. The result for all pieces goes back to the network thread.
6. At intervals ``sync`` makes the written files and their names durable, and examines the files again.
7. Only then are the pieces recorded in the resume data: a new file that is synced and renamed over the old one.
   A stop does not wait for ``sync`` for long: what is left is recorded together with the page cache that has it, and
   hashed at the next start unless that is still the same.

A block is read: the engine joins requests into one ``load``, and a disk thread reads each span with one ``pread``.  The
bytes go to the network thread and are sent without a copy.
"""
