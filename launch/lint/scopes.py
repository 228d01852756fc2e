"""The scopes of a module, and every way in which a name in them gets its value.

A comprehension's and a lambda's own names are put down in the function around them: at worst a name then has two
meanings there, and nothing is said about it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef

_CHANGES = ("add", "update", "sort")


@dataclass(slots=True)
class Binding:
    """One way in which a name gets its value; with nothing but its scope, it cannot be told."""

    #: In which the expressions below stand.
    scope: Scope
    value: ast.expr | None = None
    annotation: ast.expr | None = None
    #: What it takes its values from, one after the other.
    items_of: ast.expr | None = None
    imported: str | None = None
    defined: Function | None = None


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class or function, and the names bound in it."""

    parent: Scope | None = None
    is_class: bool = False
    names: dict[str, list[Binding]] = field(default_factory=dict)
    #: Of a class: what its instances hold; and what its nested ``Params`` declares, as ``params.NAME``.
    attributes: dict[str, list[Binding]] = field(default_factory=dict)
    #: Of a method: what it calls its instance, and the scope of the class.
    me: str | None = None
    owner: Scope | None = None

    def holder(self, name: str) -> Scope | None:
        """The scope in which a name used here is bound; None for builtins."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or not scope.is_class):
                return scope
            scope = scope.parent
        return None

    def bindings(self, key: str) -> list[Binding]:
        """All bindings of a name, or of an attribute of the class's instances."""
        return [*self.names.get(key, ()), *self.attributes.get(key, ())]


@dataclass(frozen=True, slots=True)
class Change:
    """A set that is added to, or a list that is sorted: ``target.method(argument)``; or ``sorted(target)``.

    The argument is None where there is none, or several.
    """

    scope: Scope
    target: ast.expr
    method: str
    argument: ast.expr | None


def variable(node: ast.expr, scope: Scope) -> tuple[Scope, str] | None:
    """The scope and key that a name, or an attribute of the instance itself, is bound under."""
    match node:
        case ast.Name(id=name):
            holder = scope.holder(name)
            return (holder, name) if holder is not None else None
        case ast.Attribute(value=ast.Name(id=me), attr=key):
            holder = scope.holder(me)
            return (holder.owner, key) if holder is not None and holder.owner and holder.me == me else None
        case ast.Attribute(value=ast.Attribute(attr="params") as params, attr=key):
            found = variable(params, scope)
            return (found[0], f"params.{key}") if found is not None else None
    return None


@dataclass(frozen=True, slots=True)
class Scopes:
    """All scopes of a module, by the syntax node that opens them, and the changes made in them."""

    of: dict[ast.AST, Scope]
    changes: list[Change]


def scopes_of(module: ast.Module) -> Scopes:
    """The scopes of a module, with all its bindings."""
    walk = _Walk(module)
    return Scopes(walk.of, walk.changes)


class _Walk(ast.NodeVisitor):
    def __init__(self, module: ast.Module) -> None:
        self.of: dict[ast.AST, Scope] = {module: Scope()}
        self.changes: list[Change] = []
        self._here = self.of[module]
        self._visit_all(module.body)

    # -- what opens a scope -------------------------------------------------------------------------------------

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name)
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])
        around = self._here
        self._here = self.of[node] = Scope(around, is_class=True)
        self._visit_all(node.body)
        if around.is_class and node.name == "Params":
            for name, bindings in self._here.names.items():
                around.attributes.setdefault(f"params.{name}", []).extend(bindings)
        self._here = around

    def visit_FunctionDef(self, node: Function) -> None:
        self._bind(node.name, defined=node)
        arguments = node.args
        self._visit_all([*node.decorator_list, *arguments.defaults, *filter(None, arguments.kw_defaults)])
        around = self._here
        inside = self.of[node] = Scope(around)
        positional = [*arguments.posonlyargs, *arguments.args]
        # The first argument of a method is the instance (or the class, which has the same names).
        if around.is_class and positional and not _is_static(node):
            inside.me, inside.owner = positional[0].arg, around
        for argument in [*positional, *arguments.kwonlyargs]:
            inside.names[argument.arg] = [Binding(around, annotation=argument.annotation)]
        for rest in filter(None, (arguments.vararg, arguments.kwarg)):
            inside.names[rest.arg] = [Binding(around)]
        self._here = inside
        self._visit_all(node.body)
        self._here = around

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    # -- what binds a name --------------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._target(target, value=node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._target(node.target, annotation=node.annotation)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.op, ast.BitOr | ast.BitXor):
            self.changes.append(Change(self._here, node.target, "update", node.value))
        elif not isinstance(node.op, ast.BitAnd | ast.Sub):
            self._target(node.target)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._target(node.target, value=node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.AsyncFor | ast.comprehension) -> None:
        self._target(node.target, items_of=node.iter)
        self.generic_visit(node)

    visit_AsyncFor = visit_comprehension = visit_For  # noqa: N815

    def visit_withitem(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._target(node.optional_vars)
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs  # noqa: N815

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self._bind(node.rest)
        self.generic_visit(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        arguments = node.args
        rests = [rest for rest in (arguments.vararg, arguments.kwarg) if rest is not None]
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *rests]:
            self._bind(argument.arg)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            first = alias.name.partition(".")[0]
            self._bind(alias.asname or first, imported=alias.name if alias.asname else first)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        origin = "." * node.level + (node.module or "")
        for alias in node.names:
            self._bind(alias.asname or alias.name, imported=f"{origin}.{alias.name}")

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> None:
        for name in node.names:  # bound here and elsewhere: nothing is known of it in either place
            self._bind(name)
            holder = self._here.parent.holder(name) if self._here.parent is not None else None
            (holder or self._module()).names.setdefault(name, []).append(Binding(self._here))

    visit_Nonlocal = visit_Global  # noqa: N815

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
            argument = node.args[0] if len(node.args) == 1 else None
            self.changes.append(Change(self._here, node.func.value, node.func.attr, argument))
        elif isinstance(node.func, ast.Name) and node.func.id == "sorted" and node.args:
            self.changes.append(Change(self._here, node.args[0], "sorted", None))
        self.generic_visit(node)

    def _target(
        self,
        target: ast.expr,
        *,
        value: ast.expr | None = None,
        annotation: ast.expr | None = None,
        items_of: ast.expr | None = None,
    ) -> None:
        binding = Binding(self._here, value=value, annotation=annotation, items_of=items_of)
        if isinstance(target, ast.Name):
            self._here.names.setdefault(target.id, []).append(binding)
        elif isinstance(target, ast.Attribute):
            if found := variable(target, self._here):
                found[0].attributes.setdefault(found[1], []).append(binding)
        elif isinstance(target, ast.Starred):
            self._target(target.value)
        elif isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self._target(part)

    def _bind(self, name: str, *, imported: str | None = None, defined: Function | None = None) -> None:
        self._here.names.setdefault(name, []).append(Binding(self._here, imported=imported, defined=defined))

    def _module(self) -> Scope:
        scope = self._here
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)


def _is_static(node: Function) -> bool:
    return any(isinstance(it, ast.Name) and it.id == "staticmethod" for it in node.decorator_list)
