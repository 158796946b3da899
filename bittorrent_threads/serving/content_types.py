"""The media type of a file, by the end of its name.

The table is here, because that of the module ``mimetypes`` differs from machine to machine.
"""

from __future__ import annotations

UNKNOWN = "application/octet-stream"
TYPES = {
    # video
    **{"mp4": "video/mp4", "m4v": "video/mp4", "webm": "video/webm", "mkv": "video/x-matroska", "ogv": "video/ogg"},
    **{"mov": "video/quicktime", "avi": "video/x-msvideo", "ts": "video/mp2t", "m2ts": "video/mp2t"},
    **{"mpg": "video/mpeg", "mpeg": "video/mpeg", "wmv": "video/x-ms-wmv", "flv": "video/x-flv"},
    # audio
    **{"mp3": "audio/mpeg", "m4a": "audio/mp4", "aac": "audio/aac", "ogg": "audio/ogg", "oga": "audio/ogg"},
    **{"opus": "audio/ogg", "flac": "audio/flac", "wav": "audio/wav", "weba": "audio/webm"},
    # playlists and subtitles
    **{"m3u8": "application/vnd.apple.mpegurl", "m3u": "audio/x-mpegurl", "mpd": "application/dash+xml"},
    **{"vtt": "text/vtt; charset=utf-8", "srt": "text/plain; charset=utf-8"},
    # images
    **{"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"},
    **{"avif": "image/avif", "svg": "image/svg+xml", "bmp": "image/bmp", "tif": "image/tiff", "tiff": "image/tiff"},
    # text and documents
    **{"txt": "text/plain; charset=utf-8", "nfo": "text/plain; charset=utf-8", "md": "text/plain; charset=utf-8"},
    **{"csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8"},
    **{"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "json": "application/json"},
    **{"xml": "application/xml", "xhtml": "application/xhtml+xml", "pdf": "application/pdf"},
    **{"epub": "application/epub+zip"},
    # archives and data
    **{"zip": "application/zip", "gz": "application/gzip", "tar": "application/x-tar", "wasm": "application/wasm"},
}
"""Media type by the end of the name, in lower case."""


def content_type(name: str) -> str:
    """Return the media type of a file, ``application/octet-stream`` if it is not known.

    Args:
        name: The name of the file.
    """
    stem, dot, end = name.rpartition(".")
    return TYPES.get(end.lower(), UNKNOWN) if dot and stem else UNKNOWN
