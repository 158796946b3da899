"""What a torrent is: bencoding, .torrent files, pieces and files, bitfields.  Pure: bytes in, values out.

    bencode    the decoder of everything that comes from strangers, and the encoder of what we say
    metainfo   ``Metainfo``: one .torrent file, checked whole before anybody sees a field of it
    infohash   ``InfoHash``: the version 1 and version 2 identity of a torrent
    file_list  the files that an info dictionary lists; ``fields`` reads its keys
    names      file names of strangers made safe for every system, without two files of one name
    urls       tracker and web seed URLs of strangers, kept only if they can be used safely
    layout     ``Layout``: where pieces and blocks lie in files
    hashes     ``PieceHashes``: is this piece the right one?
    fingerprint  a digest of each block of a piece, to compare two copies of it
    bitfield   ``Bitfield``: one bit a piece, packed as on the wire

The rule: nothing here trusts its input, and nothing downstream has to check it again.  A ``Metainfo`` that exists has
lengths that add up, exactly as many hashes as pieces, and paths that stay below the folder they are joined to.  What
is wrong is a ``MetainfoError`` that names the key.  Sizes and counts are compared with their limit before anything
is allocated for them, and the time taken is linear in the bytes given, whatever they are.

An infohash is the hash of the bytes of ``info`` as they stood in the file.  Nothing is ever decoded and encoded again
to get it: files with unsorted keys are out there, and have swarms.

A piece is an index below ``Layout.piece_count``; a block is 16 KiB of a piece; a file is an index into
``Metainfo.files``.  Padding files (BEP 47) have an index and bytes (all zero) and no place on disk.
"""
