"""What notebooks show: cards of HTML, made from values by pure functions, and a display that follows a wait.

A card has the name, the progress, a map of the pieces, and tables of files, peers and trackers:

    cards       the cards of a status, a client, a torrent and a session
    figure      rates, pieces and peers, drawn with matplotlib
    markup      escaped text, tables and bars
    piece_map   a bitfield as a small SVG
    style       the style sheet in each card, for light and dark pages
    watch       shows a card again and again while a thread waits

Rules: the size of a card does not depend on the torrent.  Tables have a few rows and say how many more there are, and
squares of the map stand for several pieces.  Every text from a torrent, a peer or a tracker is escaped.  A card has no
script, no link and nothing that is loaded from elsewhere.  Making one never waits, and works for a closed client.

``watch`` uses IPython if the program runs in a notebook; nothing here imports it otherwise.
"""
