"""What source files use of Python's own library, by name."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Dict, Iterator, Optional, Set


def used_by(path: Path) -> Set[str]:
    """os.path.join, typing.List, ...; without what stands where the version of Python is asked for."""
    names = _Names()
    names.visit(ast.parse(path.read_text()))
    return {name for name in names.found if name.partition(".")[0] in sys.stdlib_module_names}


def imported_by(path: Path) -> Set[str]:
    """Modules, but for those of the same package."""
    return set(_imported(ast.parse(path.read_text())))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module)


class _Names(ast.NodeVisitor):
    def __init__(self) -> None:
        self.found: Set[str] = set()
        self._meaning: Dict[str, str] = {}  # of names in the file

    def visit_If(self, node: ast.If) -> None:
        for part in node.orelse if "version_info" in ast.dump(node.test) else ast.iter_child_nodes(node):
            self.visit(part)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.found.add(alias.name)
            root = alias.name.partition(".")[0]
            self._meaning[alias.asname or root] = alias.name if alias.asname else root

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level == 0 and node.module != "__future__":
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                self.found.add(name)
                self._meaning[alias.asname or alias.name] = name

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._dotted(node)
        if name is None:
            self.generic_visit(node)
        else:
            self.found.add(name)

    def _dotted(self, node: ast.AST) -> Optional[str]:
        if isinstance(node, ast.Name):
            return self._meaning.get(node.id)
        if not isinstance(node, ast.Attribute):
            return None
        value = self._dotted(node.value)
        return None if value is None else f"{value}.{node.attr}"
