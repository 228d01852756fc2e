"""What names stand for, and which expressions are sets.

A name is taken for what all its bindings in its scope agree on; where they do not, or one cannot be told, nothing is
known of it. Annotations are believed. Nothing is imported or run.

Whether the order of a set differs from run to run hangs on its elements: numbers and tasks of the virtual loop hash
alike everywhere, so a set of them has one order; texts, and objects by their address, do not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from enum import Enum, auto

from .scopes import Binding, Change, Scope, Scopes, variable


class Kind(Enum):
    """What is known of a value."""

    #: A set whose order differs from run to run, as far as one can tell.
    SET = auto()
    #: A set with nothing in it yet.
    EMPTY_SET = auto()
    #: A set of numbers or tasks.
    STEADY_SET = auto()
    #: Another collection of numbers or tasks.
    STEADY_ITEMS = auto()
    #: A number, a task, or a tuple of such.
    STEADY = auto()
    #: Files in the order of the file system.
    LISTING = auto()
    #: What asyncio.gather returns.
    GATHERED = auto()


SETS = (Kind.SET, Kind.EMPTY_SET, Kind.STEADY_SET)
_WITH_STEADY_ITEMS = (Kind.STEADY_SET, Kind.STEADY_ITEMS, Kind.STEADY)
_NUMBERS = ("int", "len", "float", "bool", "round", "ord", "abs", "complex")
_TASKS = ("asyncio.create_task", "asyncio.ensure_future")
_LISTINGS = ("os.listdir", "os.scandir", "glob.glob", "glob.iglob")
_LISTING_METHODS = ("iterdir", "glob", "rglob")
_OF_SETS = ("set", "frozenset", "Set", "AbstractSet", "FrozenSet", "MutableSet")
_OF_ITEMS = ("list", "tuple", "List", "Tuple", "Sequence", "Iterable", "Collection", "Iterator", "deque", "range")
_WRAPPERS = ("ClassVar", "Final", "Annotated", "Optional", "InitVar")
_SET_METHODS = ("union", "intersection", "difference", "symmetric_difference", "copy")
_PROPERTIES = ("property", "cached_property")
_OPERATORS = (ast.BitOr, ast.BitAnd, ast.BitXor, ast.Sub)


class Names:
    """What the names of one module stand for."""

    def __init__(self, scopes: Scopes) -> None:
        self._changes = scopes.changes
        #: The variables that are being looked at, for those that are made of themselves.
        self._asked: list[tuple[Scope, str]] = []

    def resolve(self, node: ast.expr, scope: Scope) -> str | None:
        """The full name of what a name or dotted name stands for, if it was imported or is a builtin."""
        if isinstance(node, ast.Attribute):
            before = self.resolve(node.value, scope)
            return f"{before}.{node.attr}" if before and not before.startswith("builtins.") else None
        if not isinstance(node, ast.Name):
            return None
        holder = scope.holder(node.id)
        if holder is None:
            return f"builtins.{node.id}"
        meant = [binding.imported for binding in holder.names[node.id]]
        return meant[0] if all(name == meant[0] for name in meant) else None

    def is_sorted_later(self, node: ast.expr, scope: Scope) -> bool:
        """Whether a variable is sorted anywhere, in place or by ``sorted()``."""
        found = variable(node, scope)
        return found is not None and any(it.method in ("sort", "sorted") for it in self._changes_of(*found))

    def kind(self, node: ast.expr | None, scope: Scope) -> Kind | None:
        """What is known of the value of an expression; None if nothing is."""
        match node:
            case ast.Constant(value=int() | float() | complex()) | ast.Compare():
                return Kind.STEADY
            case ast.Tuple(elts=elements) if elements and self._all_steady(elements, scope):
                return Kind.STEADY
            case ast.List(elts=elements) if elements and self._all_steady(elements, scope):
                return Kind.STEADY_ITEMS
            case ast.UnaryOp(operand=operand):
                return Kind.STEADY if self.kind(operand, scope) is Kind.STEADY else None
            case ast.Set(elts=elements):
                return Kind.STEADY_SET if self._all_steady(elements, scope) else Kind.SET
            case ast.SetComp(elt=element):
                return Kind.STEADY_SET if self._all_steady([element], scope) else Kind.SET
            case ast.ListComp(elt=element) | ast.GeneratorExp(elt=element):
                return Kind.STEADY_ITEMS if self._all_steady([element], scope) else None
            case ast.NamedExpr(value=value):
                return self.kind(value, scope)
            case ast.IfExp(body=one, orelse=other):
                return _both(self.kind(one, scope), self.kind(other, scope))
            case ast.BoolOp(values=values):
                kinds = [self.kind(value, scope) for value in values]
                return kinds[0] if len(kinds) == 1 else _both(kinds[0], kinds[1]) if len(kinds) == 2 else None
            case ast.BinOp(left=left, op=op, right=right):
                return self._operation(left, op, right, scope)
            case ast.Call():
                return self._call(node, scope)
            case ast.Name() | ast.Attribute():
                found = variable(node, scope)
                return self._variable(*found) if found is not None else None
        return None

    def of_annotation(self, node: ast.expr | None) -> Kind | None:
        """What an annotation promises."""
        match node:
            case ast.Constant(value=str(text)):
                try:
                    return self.of_annotation(ast.parse(text, mode="eval").body)
                except SyntaxError:
                    return None
            case ast.Name(id="int" | "float" | "bool" | "complex"):
                return Kind.STEADY
            case ast.BinOp(left=one, op=ast.BitOr(), right=other):
                return self._either(one, other)
            case ast.Subscript(value=base, slice=inside):
                return self._subscript(_last(base), inside)
            case ast.Name() | ast.Attribute():
                return {"Task": Kind.STEADY}.get(_last(node)) or (Kind.SET if _last(node) in _OF_SETS else None)
        return None

    def _subscript(self, base: str, inside: ast.expr) -> Kind | None:
        parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        parts = [part for part in parts if not (isinstance(part, ast.Constant) and part.value is ...)]
        if base in _WRAPPERS:
            return self.of_annotation(parts[0])
        # None hashes by its address until Python 3.12.
        steady = bool(parts) and all(self.of_annotation(it) is Kind.STEADY and not _may_be_none(it) for it in parts)
        if base in _OF_SETS:
            return Kind.STEADY_SET if steady else Kind.SET
        if base == "Task" or (base in ("tuple", "Tuple") and steady):
            return Kind.STEADY
        return Kind.STEADY_ITEMS if base in _OF_ITEMS and steady else None

    def _either(self, one: ast.expr, other: ast.expr) -> Kind | None:
        options = [it for it in (one, other) if not _is_none(it)]
        kinds = [self.of_annotation(option) for option in options]
        return kinds[0] if len(kinds) == 1 else _both(kinds[0], kinds[1])

    def _operation(self, left: ast.expr, op: ast.operator, right: ast.expr, scope: Scope) -> Kind | None:
        one, other = self.kind(left, scope), self.kind(right, scope)
        if isinstance(op, _OPERATORS):
            if isinstance(op, ast.Sub) and one in SETS:
                return one
            if not isinstance(op, ast.Sub) and (one in SETS or other in SETS):
                if isinstance(op, ast.BitAnd):
                    return Kind.STEADY_SET if Kind.STEADY_SET in (one, other) else Kind.SET
                return _both(one, other) or Kind.SET
            if _is_of_keys(left) or _is_of_keys(right):
                return Kind.SET
        return Kind.STEADY if one is other is Kind.STEADY else None

    def _call(self, node: ast.Call, scope: Scope) -> Kind | None:
        name = self.resolve(node.func, scope) or ""
        first = node.args[0] if node.args else None
        builtin = name.removeprefix("builtins.") if name.startswith("builtins.") else ""
        if builtin in ("set", "frozenset"):
            steady = first is not None and self.items(first, scope) is Kind.STEADY
            return Kind.EMPTY_SET if first is None else Kind.STEADY_SET if steady else Kind.SET
        if builtin in _NUMBERS or name in _TASKS or _method(node) == "create_task":
            return Kind.STEADY
        if builtin == "range":
            return Kind.STEADY_ITEMS
        if builtin in ("list", "tuple", "reversed", "sorted") and first is not None:
            if self.kind(first, scope) is Kind.LISTING and builtin != "sorted":
                return Kind.LISTING
            return Kind.STEADY_ITEMS if self.items(first, scope) is Kind.STEADY else None
        if name in _LISTINGS or (not name and _method(node) in _LISTING_METHODS):
            return Kind.LISTING
        if name == "asyncio.gather":
            return Kind.GATHERED
        if name in ("asyncio.all_tasks", "weakref.WeakSet"):
            return Kind.SET
        if isinstance(node.func, ast.Attribute) and node.func.attr in _SET_METHODS:
            kind = self.kind(node.func.value, scope)
            if kind in SETS:
                return kind if node.func.attr in ("difference", "intersection", "copy") or not node.args else Kind.SET
        return self._returned(node, scope)

    def _returned(self, node: ast.Call, scope: Scope) -> Kind | None:
        """What a function of this module says that it returns."""
        found = variable(node.func, scope)
        bindings = found[0].bindings(found[1]) if found is not None else []
        if len(bindings) != 1 or not isinstance(bindings[0].defined, ast.FunctionDef):
            return None
        return self.of_annotation(bindings[0].defined.returns)

    def items(self, node: ast.expr, scope: Scope) -> Kind | None:
        """STEADY if that is what going through an expression gives."""
        return Kind.STEADY if self.kind(node, scope) in _WITH_STEADY_ITEMS else None

    def is_coroutine(self, node: ast.expr, scope: Scope) -> bool:
        """Whether an expression calls an ``async def`` of this module."""
        found = variable(node.func, scope) if isinstance(node, ast.Call) else None
        bindings = found[0].bindings(found[1]) if found is not None else []
        return len(bindings) == 1 and isinstance(bindings[0].defined, ast.AsyncFunctionDef)

    def _variable(self, scope: Scope, key: str) -> Kind | None:
        if (scope, key) in self._asked:
            return None
        self._asked.append((scope, key))
        try:
            return self._agreed(scope, key)
        finally:
            self._asked.pop()

    def _agreed(self, scope: Scope, key: str) -> Kind | None:
        bindings = scope.bindings(key)
        changes = list(self._changes_of(scope, key))
        if any(change.method == "sort" for change in changes):
            return None
        if annotated := [binding for binding in bindings if binding.annotation is not None]:
            kinds = [self.of_annotation(binding.annotation) for binding in annotated]
            return kinds[0] if all(kind is kinds[0] for kind in kinds) else None
        values = [it for it in bindings if not _is_none(it.value)]
        kinds = [self._bound(binding) for binding in values]
        if not kinds or None in kinds:
            return None
        if not all(kind in SETS for kind in kinds):
            return kinds[0] if all(kind is kinds[0] for kind in kinds) else None
        added = [change for change in changes if change.method in ("add", "update")]
        if Kind.SET in kinds or not all(self._adds_steady(change) for change in added):
            return Kind.SET
        return Kind.STEADY_SET if added or Kind.STEADY_SET in kinds else Kind.SET

    def _bound(self, binding: Binding) -> Kind | None:
        if binding.items_of is not None:
            return self.items(binding.items_of, binding.scope)
        if binding.defined is not None and any(_last(it) in _PROPERTIES for it in binding.defined.decorator_list):
            return self.of_annotation(binding.defined.returns)
        return self.kind(binding.value, binding.scope)

    def _adds_steady(self, change: Change) -> bool:
        if change.argument is None:
            return False
        look = self.kind if change.method == "add" else self.items
        return look(change.argument, change.scope) is Kind.STEADY

    def _changes_of(self, scope: Scope, key: str) -> Iterator[Change]:
        for change in self._changes:
            if variable(change.target, change.scope) == (scope, key):  # scopes are equal only to themselves
                yield change

    def _all_steady(self, elements: Sequence[ast.expr], scope: Scope) -> bool:
        return all(self.kind(element, scope) is Kind.STEADY for element in elements)


def _both(one: Kind | None, other: Kind | None) -> Kind | None:
    """What is known of a value that is one or the other, or of the union of two sets."""
    if one in SETS and other in SETS:
        kinds = (one, other)
        return Kind.SET if Kind.SET in kinds else Kind.STEADY_SET if Kind.STEADY_SET in kinds else Kind.EMPTY_SET
    return one if one is other else None


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _may_be_none(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and (_is_none(node.left) or _is_none(node.right))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _method(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _is_of_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _method(node) in ("keys", "items") and not node.args
