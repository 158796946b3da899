"""Whole swarms in virtual time: hosts, lines, disks, trackers and name servers, each implementing a port of the engine.

Its classes follow the engine, and change with it without notice.
"""
