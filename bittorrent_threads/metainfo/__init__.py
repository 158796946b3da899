"""Torrents: bencoding, .torrent files, pieces, files and bitfields.  Pure: no files, sockets, clock or threads.

    bencode      the strict decoder of bencoding, and the encoder; ``encoder`` is that of the package ``bencoder``
    metainfo     ``Metainfo``: one .torrent file, checked completely when it is made
    outer        the other keys of a .torrent file, around the bytes of ``info``; ``edit`` changes them
    piece_length the piece length of a new torrent
    path_patterns ``PathPatterns``: which files patterns name
    magnet       ``Magnet``: a magnet link, which names a torrent and where to find it
    infohash     ``InfoHash``: the version 1 and version 2 identity of a torrent
    file_list    the files in an info dictionary; ``fields`` reads its keys
    safe_paths   paths of files that are valid on every system, and different for each file
    spelling     ``Spelling``: how the torrent itself, and so other clients, spell the names of files
    urls         checks the URLs of trackers and web seeds
    nodes        checks the nodes of the DHT that a torrent names
    layout       ``Layout``: the positions of pieces and blocks in the files
    hashes       ``PieceHashes``: whether a piece has the right hash
    fingerprint  a digest of each block of a piece, to compare two copies of it
    bitfield     ``Bitfield``: one bit for each piece, packed as on the wire

The rule: no input is trusted, and no other layer has to check it again.  In a ``Metainfo`` the lengths add up, there is
one hash for each piece, and the paths stay below the folder that they are joined to.  An error is a ``MetainfoError``
that names the key.  Sizes and counts are compared with their limit before memory is allocated for them, and the time is
linear in the number of bytes, whatever they are.

An infohash is the hash of the bytes of ``info`` in the file.  They are never decoded and encoded again for it, since
there are torrents whose keys are not sorted.

A piece is an index below ``Layout.piece_count``; a block is 16 KiB of a piece; a file is an index into
``Metainfo.files``.  Padding files (BEP 47) have an index and bytes, all zero, and no place on disk.
"""
