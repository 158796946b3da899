"""Fuzzing of all that reads bytes from outside: what a peer, a tracker, a .torrent, a planted file or a user can give.

    targets/     one module a parser or state machine: its seeds, its tokens, and ``check(data)``
    target       ``Target``, and ``require`` for what must hold
    choices      decisions drawn from the head of an input: which shape of torrent, which state, which cuts
    loose        bencoding that cannot be malformed, so that mutation reaches what stands behind the decoder
    attempt      one input: exceptions, processor time and memory
    mutator      inputs from seeds and tokens by chance, for every Python
    plain        a run of the mutator
    guided       a run of ``atheris``, which follows coverage
    findings     what failed: one file for each place it failed at

The rule: ``check`` raises nothing for any input whatever.  It knows the documented errors of what it calls and takes
them; everything else that comes out, a ``Violation`` of ``require`` included, is a finding.
"""
