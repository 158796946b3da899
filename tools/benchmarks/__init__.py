"""What ``tools/bench.py`` runs: this library measured beside libtorrent, aria2 and Transmission, on Linux.

A *line* is one row of the table of targets: a function that is given the :class:`~benchmarks.bench.Bench` and returns a
:class:`~benchmarks.report.Line`.  A *child* is a process under measurement, spoken to in lines of JSON.  A *round* runs
each variant of a line once, one after the other; the first is a warm-up and not counted.

The rule: no figure stands alone.  Rates depend on the machine and its load, so what is compared ran in turns in the
same run, and a ratio is the median of the ratios of the rounds.

What is measured of a transfer:

- its rate, from the first block in a file of the downloader (as the file system counts it) to complete.  Both ends run
  and listen before "go", with the seeder's files verified, so that no start of an interpreter is in it.  Our child and
  libtorrent's ask every 5 ms whether they are complete; aria2 and Transmission log it.
- the start, from "go" to that first block.  It is shown by itself because clients differ in it by seconds, which
  would be most of the time of a small transfer: libtorrent dials at the ticks of a clock, aria2 and Transmission cannot
  be told to dial at all.  The seeder dials them; and for aria2 from aria2 a tracker names the seeder, so that "go" is
  the start of the program.  "whole s" is both together.
- the CPU time of a process from "go" to its end, flushing and leaving included, a GiB of payload.
- the peak of its resident memory over its whole life; for a child in Python less that of an idle interpreter.

libtorrent runs with its defaults but for: no DHT, LSD, UPnP, NAT-PMP, PEX, uTP or encryption.
"""
