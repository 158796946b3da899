"""``RoutingTable``: the nodes of one address family, in buckets by their distance from our own id (BEP 5).

Only the bucket in which our own id falls is split, as soon as it is full: bucket ``i`` has the nodes that share exactly
``i`` leading bits with our id, and the last bucket, which always has a free place, those that share more.  In a network
of n nodes there are about log2(n / 8) buckets.

A bucket has eight nodes, and the first four have more: half of all lookups begin in the first one, and each doubling of
it saves them a step.

The rule: a node comes into a bucket only when it replied to a query of ours.  A host has one place in the table, and a
network one in each bucket, so an attacker needs addresses in many networks to fill it.
"""

from __future__ import annotations

import bisect
import itertools
import math
from typing import Callable, Dict, Iterator, List, Optional

from .bucket import Bucket, K
from .contact import BAD, Contact
from .node_id import BITS, Random, common_bits
from .place import Key, Place

FORGET = 6
"""Queries in a row without an answer after which a node is forgotten, even if no other takes its place.

Until then its place is kept: when our own line was down, no node has answered.
"""
FIRST_SIZES = (16 * K, 8 * K, 4 * K, 2 * K)
"""Nodes of the first buckets; libtorrent has as many."""


def size_of(depth: int) -> int:
    """Return how many nodes a bucket has; ``depth`` is the number of leading bits shared with our id."""
    return FIRST_SIZES[depth] if depth < len(FIRST_SIZES) else K


class RoutingTable:
    """The table of one family.

    Args:
        own: Our own id.
        now: Monotonic seconds.
    """

    def __init__(self, own: int, now: float) -> None:
        self.own = own
        self.buckets: List[Bucket] = [Bucket(now, size_of(0))]
        self.usable = 0
        """Nodes that are not bad."""
        self._contacts: Dict[int, Contact] = {}
        self._numbers: List[int] = []
        """The ids of all, sorted: those that share leading bits are beside each other."""
        self._owners: Dict[Key, Contact] = {}
        """Of each host the node that is in the table."""

    def __len__(self) -> int:
        return len(self._contacts)

    def __iter__(self) -> Iterator[Contact]:
        return iter(self._contacts.values())

    def count(self, is_counted: Callable[[Contact], bool]) -> int:
        """Return the number of nodes for which a condition is true."""
        return sum(map(is_counted, self._contacts.values()))

    # -- what nodes did ------------------------------------------------------------------------------------------------

    def replied(self, number: int, place: Place, now: float) -> None:
        """A node answered a query of ours: it comes into the table if there is a place for it."""
        contact = self._contacts.get(number)
        if contact is not None and contact.place == place:
            self.usable += contact.bad
            contact.replied = contact.checked = now
            contact.failures = 0
            self._bucket(number).changed = now
        elif number != self.own:
            contact = Contact(number, place)
            contact.replied = contact.checked = now
            self._insert(contact, now)

    def queried(self, number: int, place: Place, now: float) -> bool:
        """A node sent us a query; one that is not in the table may come in later, when it replies.

        Returns:
            Whether it waits for a free place.
        """
        contact = self._contacts.get(number)
        if contact is None:
            return self._keep(number, place, now)
        if contact.place == place:
            contact.queried = now
        return False

    def heard(self, number: int, place: Place) -> bool:
        """A node was told by another one: it waits if there is a free place, which is returned."""
        if number in self._contacts:
            return False
        bucket = self._bucket(number)
        if bucket.full or number in bucket.replacements:
            return False
        return self._keep(number, place, -math.inf)

    def failed(self, number: int, place: Place, now: float) -> None:
        """A node did not answer, or another node answered at its address."""
        contact = self._contacts.get(number)
        if contact is not None and contact.place == place:
            contact.failures += 1
            contact.checked = now
            self.usable -= contact.failures == BAD
            if contact.failures >= FORGET:
                self._remove(contact)

    def renamed(self, number: int, place: Place) -> None:
        """A node that was asked as ``number`` told that it has another id: what is known of it is wrong."""
        contact = self._contacts.get(number)
        if contact is not None and contact.place == place:
            self._remove(contact)

    def forget(self, refuses: Callable[[str], bool]) -> None:
        """Remove the nodes of hosts with which nothing may be exchanged."""
        for contact in [each for each in self if refuses(each.place.address[0])]:
            self._remove(contact)
        for bucket in self.buckets:
            for contact in [each for each in bucket.replacements.values() if refuses(each.place.address[0])]:
                del bucket.replacements[contact.number]

    # -- what is asked of it -------------------------------------------------------------------------------------------

    def closest(self, target: int, count: int, is_usable: Callable[[Contact], bool]) -> List[Contact]:
        """Return the nodes closest to an id, the closest first.

        Args:
            target: The id.
            count: How many at most.
            is_usable: Which nodes count.
        """
        # Ids that share more leading bits with the target are closer to it than all others.  So the ids are halved by
        # one bit after the other, as long as enough are in the half of the target, and only what is left is sorted.
        numbers, first, last = self._numbers, 0, len(self._numbers)
        bit, shared = 1 << BITS - 1, 0
        spans = [(first, last)]
        while last - first > count and bit:
            middle = bisect.bisect_left(numbers, shared | bit, first, last)
            if target & bit:
                shared, first = shared | bit, middle
            else:
                last = middle
            bit >>= 1
            spans.append((first, last))
        found: List[Contact] = []
        for first, last in reversed(spans):
            if last - first >= count or (first, last) == spans[0]:
                closest = sorted(numbers[first:last], key=target.__xor__)
                usable = filter(is_usable, map(self._contacts.__getitem__, closest))
                found = list(itertools.islice(usable, count))
                if len(found) == count:
                    break
        return found

    def candidate(self) -> Optional[Contact]:
        """Remove and return a node that could come in if it replies, in the bucket that is closest to our own id."""
        for bucket in reversed(self.buckets):
            found = bucket.candidate()
            if found is not None:
                return found
        return None

    def stalest(self) -> Optional[Contact]:
        """Return the node whose last reply or failure is the longest ago; None if the table is empty."""
        return min(self._contacts.values(), key=lambda contact: contact.checked, default=None)

    def refresh_target(self, now: float, random: Random) -> Optional[int]:
        """Return a random id in the range of a bucket that is due for a refresh, and count that; None if none is."""
        for index, bucket in enumerate(self.buckets):
            if now >= bucket.refresh_at:
                bucket.refresh(now)
                last = index == len(self.buckets) - 1
                free = BITS - index - (0 if last else 1)
                shared = self.own >> free if last else self.own >> free ^ 1
                return shared << free | random.getrandbits(free)
        return None

    @property
    def refresh_at(self) -> float:
        """When the next bucket has to be refreshed, in monotonic seconds."""
        return min(bucket.refresh_at for bucket in self.buckets)

    def moved(self, own: int, now: float) -> RoutingTable:
        """Return a table with the same nodes around another id of ours."""
        table = RoutingTable(own, now)
        for contact in sorted(self._contacts.values(), key=lambda contact: (contact.failures, -contact.replied)):
            if contact.number != own:
                table._insert(contact, now)
        return table

    # -- inside --------------------------------------------------------------------------------------------------------

    def _keep(self, number: int, place: Place, queried: float) -> bool:
        """Remember a node that is not in the table; return whether it waits for a free place."""
        if number == self.own or place.owner in self._owners:
            return False
        contact = Contact(number, place)
        contact.queried = queried
        bucket = self._bucket(number)
        bucket.keep(contact)
        return not bucket.full

    def _bucket(self, number: int) -> Bucket:
        shared = common_bits(self.own, number)
        return self.buckets[shared if shared < len(self.buckets) else -1]

    def _insert(self, contact: Contact, now: float) -> None:
        """Put a node in that replied, unless a better one has its place."""
        for other in (self._contacts.get(contact.number), self._owners.get(contact.place.owner)):
            if other is None:
                continue
            # A node at the very same address has told its new id.
            if not other.bad and other.place.address != contact.place.address:
                return
            if other.number in self._contacts:
                self._remove(other)
        bucket = self._bucket(contact.number)
        neighbour = bucket.neighbour(contact)
        if neighbour is not None and not neighbour.bad:
            return
        victim = neighbour or (bucket.victim(contact) if bucket.full else None)
        if victim is not None:
            self._remove(victim)
        elif bucket.full:
            bucket.keep(contact)
            return
        bucket.replacements.pop(contact.number, None)
        bucket.contacts.append(contact)
        bucket.changed = now
        self.usable += not contact.bad
        self._contacts[contact.number] = contact
        bisect.insort(self._numbers, contact.number)
        self._owners[contact.place.owner] = contact
        while self.buckets[-1].full:
            self._split(now)

    def _split(self, now: float) -> None:
        """Move what shares more bits with our own id out of the last bucket into a new one."""
        depth = len(self.buckets)
        old, new = self.buckets[-1], Bucket(now, size_of(depth))
        new.changed = old.changed
        self.buckets.append(new)
        old.contacts, new.contacts = (
            [contact for contact in old.contacts if (common_bits(self.own, contact.number) >= depth) is closer]
            for closer in (False, True)
        )
        waiting, old.replacements = old.replacements, {}
        for contact in waiting.values():
            (new if common_bits(self.own, contact.number) >= depth else old).keep(contact)

    def _remove(self, contact: Contact) -> None:
        self.usable -= not contact.bad
        del self._contacts[contact.number]
        del self._numbers[bisect.bisect_left(self._numbers, contact.number)]
        del self._owners[contact.place.owner]
        self._bucket(contact.number).contacts.remove(contact)
