"""A class name says what it is wherever it stands: no two modules define a public class of the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable

from tests.support.rooms import ROOMS, modules


def defined_twice(found: Iterable[tuple[str, ast.Module]]) -> dict[str, list[str]]:
    """Public classes that several modules define -> where. The emulator stands apart: it shares nothing with Ferry."""
    where: defaultdict[str, list[str]] = defaultdict(list)
    for path, tree in found:
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(path)
    return {name: paths for name, paths in where.items() if len(paths) > 1}


def test_no_two_modules_define_a_class_of_the_same_name() -> None:
    assert defined_twice(modules(*ROOMS)) == {}, "call each what it is"


def test_a_name_that_two_modules_define_is_found() -> None:
    one, other = ast.parse("class Group: ...\nclass _Row: ..."), ast.parse("class Group: ...\nclass _Row: ...")
    assert defined_twice([("local/group.py", one), ("identity/persons.py", other)]) == {
        "Group": ["local/group.py", "identity/persons.py"]
    }
