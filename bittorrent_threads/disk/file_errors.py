"""The errors of one file: those of the system become a :class:`StorageError` with path and errno, without traceback."""

from __future__ import annotations

import contextlib
import errno
from typing import Iterator

from ..errors import StorageError
from .file import File, Missing

SYSTEM_ERRORS = (OSError, ValueError)
"""What system calls on a file raise; ``ValueError`` for names with NUL or a lone surrogate."""


def storage_error(error: BaseException, file: File) -> StorageError:
    """Return an error of the system as one of the file."""
    return StorageError.wrap(error.with_traceback(None), file.path)


@contextlib.contextmanager
def storage_errors(file: File) -> Iterator[None]:
    """Raise errors of the system in the context as errors of the file."""
    try:
        yield
    except SYSTEM_ERRORS as error:
        raise storage_error(error, file) from error


def require_length(file: File, offset: int, length: int, count: int) -> None:
    """Check that a read was not cut off by the end of the file.

    Args:
        file: The file.
        offset: Where the read began.
        length: Bytes that were requested.
        count: Bytes that were read.

    Raises:
        Missing: The file is shorter.
    """
    if count < length:
        reason = f"ends at byte {offset + count}, {length} bytes from {offset} on were requested"
        # There is no errno for this; the file is not the one that had these bytes.
        raise Missing(reason, file.path, errno.ESTALE)
