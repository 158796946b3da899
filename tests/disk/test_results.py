from __future__ import annotations

import weakref
from typing import NoReturn

from bittorrent_threads.disk.results import bare
from bittorrent_threads.errors import StorageError


class Thing:
    pass


def test_a_bare_error_keeps_its_causes_but_no_variables() -> None:
    thing = Thing()
    alive = weakref.ref(thing)

    def read(thing: Thing) -> NoReturn:
        raise OSError(5, "input/output error")

    def job(thing: Thing) -> StorageError:
        try:
            try:
                read(thing)
            except OSError as error:
                raise StorageError.wrap(error, "/path") from None
        except StorageError as error:
            return bare(error)

    error = job(thing)
    del thing
    assert alive() is None
    assert (error.path, error.errno) == ("/path", 5)
    assert error.__traceback__ is None
    assert isinstance(error.__cause__ or error.__context__, OSError)
