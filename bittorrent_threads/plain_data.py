"""Values of the library in the types of JSON: bytes as hexadecimal digits, dataclasses as dicts, tuples as lists."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Dict, Protocol


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[Dict[str, Any]]


def jsonable(value: object) -> object:
    """Return a value in the types of JSON: bytes as hexadecimal digits, dataclasses as objects, tuples as lists."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return json_object(value)
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


def json_object(record: _Dataclass) -> Dict[str, object]:
    """Return the fields of a dataclass in the types of JSON."""
    return {field.name: jsonable(getattr(record, field.name)) for field in dataclasses.fields(record)}
