"""Which pieces are on the disk, and not in the page cache only: what resume data may claim without a condition."""

from __future__ import annotations

from typing import List, Sequence

from ..disk.results import Synced
from ..metainfo.bitfield import Bitfield


class DurablePieces:
    """The durable pieces of one torrent.

    A piece is durable when a sync has ended that began after it was written.

    Args:
        have: The bits of the pieces that are there.
    """

    def __init__(self, have: Bitfield) -> None:
        self._have = have
        self._durable = Bitfield(len(have))
        self._claims: List[Bitfield] = []
        """The pieces that were there when each of the syncs under way began, less those that were lost since."""
        self._older: List[int] = []

    @property
    def syncing(self) -> bool:
        """A sync is under way."""
        return bool(self._claims)

    def trusted(self, indexes: Sequence[int], unsynced: Sequence[int]) -> None:
        """These pieces are there as resume data says; data of the ``unsynced`` ones may be in the page cache only."""
        self._durable.add(indexes)
        self._durable.remove(unsynced)
        self._older.extend(unsynced)

    def lost(self, indexes: Sequence[int]) -> None:
        """These pieces are not there: no sync counts for them that began before they are written again."""
        for pieces in (self._durable, *self._claims):
            pieces.remove(indexes)

    def take_older(self) -> List[int]:
        """Return the pieces with data that an earlier process did not sync; they are told once."""
        older, self._older = self._older, []
        return older

    def begin(self) -> Bitfield:
        """A sync begins; return the pieces that are durable when it has ended."""
        claimed = self._have.copy()
        self._claims.append(claimed)
        return claimed

    def end(self, claimed: Bitfield, synced: Synced) -> Bitfield:
        """A sync ended: remove from ``claimed`` what is not durable all the same.

        Returns:
            The pieces that were removed because they are in the page cache only.
        """
        self._claims = [other for other in self._claims if other is not claimed]
        for pieces in (claimed, self._durable):
            pieces.remove(synced.suspects)
        late = Bitfield(len(claimed))
        late.add([index for index in synced.unsynced if claimed[index] and not self._durable[index]])
        claimed.remove([*late.indexes()])
        if synced.error is None:
            self._durable.add([*claimed.indexes()])
        return late
