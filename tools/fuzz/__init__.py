"""Fuzz targets for all code that reads untrusted bytes: from peers, trackers, .torrent files, other files and users.

    targets/     one module for each parser or state machine: its seeds, its tokens, and ``check(data)``
    target       ``Target``, and ``require`` for the properties that every input must keep
    choices      parameters read from the first bytes of an input: shape of the torrent, state, chunk sizes
    loose        an encoding in which every input is well-formed bencoding, so that mutations pass the decoder
    attempt      one run of one input: its exceptions, processor time and memory
    mutator      random mutations of seeds and tokens, for every version of Python
    plain        a run of the mutator
    guided       a run of ``atheris``, which is guided by coverage
    findings     the inputs that failed: one file for each line of code that failed

The rule: ``check`` raises for no input.  It catches the documented errors of the functions that it calls; any other
exception, such as a ``Violation`` raised by ``require``, is a finding.
"""
