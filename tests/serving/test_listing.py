from __future__ import annotations

from html.parser import HTMLParser
from typing import Dict, List, Optional, Tuple

from bittorrent_threads.metainfo.file_list import TorrentFile
from bittorrent_threads.serving import listing as module
from bittorrent_threads.serving.catalogue import Catalogue
from bittorrent_threads.serving.listing import listing

NASTY = "<script>alert(1)</script>&\"'"


class Tags(HTMLParser):
    """The tags of a page, its links and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: List[str] = []
        self.links: List[Optional[str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: List[Tuple[str, Optional[str]]]) -> None:
        self.tags.append(tag)
        found: Dict[str, Optional[str]] = dict(attributes)
        if tag == "a":
            self.links.append(found["href"])

    def handle_data(self, data: str) -> None:
        self.text += data


def test_links_to_every_file_and_escapes_every_name() -> None:
    files = [TorrentFile((NASTY, "a b.mp4"), 2048), TorrentFile((NASTY, NASTY, "\ud800"), 0)]
    catalogue = Catalogue(bytes(20), files)
    page = Tags(listing(NASTY, catalogue.entries, 0.255))
    assert "script" not in page.tags
    assert page.tags.count("tr") == 2
    assert page.links == list(catalogue.paths)
    assert page.text.count(NASTY) == 5
    assert "25.5% downloaded" in page.text
    listing(NASTY, catalogue.entries, 1.0).encode()


def test_a_torrent_of_very_many_files_has_a_bounded_page() -> None:
    catalogue = Catalogue(bytes(20), [TorrentFile((f"{number}",), 1) for number in range(module.MAX_FILES + 7)])
    page = Tags(listing("many", catalogue.entries, 1.0))
    assert len(page.links) == module.MAX_FILES
    assert "7 more files are not listed" in page.text
