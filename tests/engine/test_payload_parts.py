"""The parts of a payload that are given together: every part that uses the disk works on the same files and pieces."""

from __future__ import annotations

from support.bench import Bench

PARTS = ("writer", "resume_store", "file_check", "preparation", "move_storage", "readers")


def test_every_part_works_on_the_same_files_and_pieces() -> None:
    payload = Bench().payload
    shared = {
        "_storage": payload.storage,
        "_files": payload.files,
        "_paths": payload.paths,
        "_ownership": payload.ownership,
        "_storage_retry": payload.storage_retry,
        "_have": payload.have,
        "_pieces": payload.pieces,
        "_unreadable": payload.unreadable,
        "_checks": payload.checks,
    }
    found = [(part, name, value) for part in PARTS for name, value in vars(getattr(payload, part)).items()]
    assert {part for part, name, _ in found if name == "_storage"} == set(PARTS)
    assert [(part, name) for part, name, value in found if name in shared and value is not shared[name]] == []
