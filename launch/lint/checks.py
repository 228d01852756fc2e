"""One walk over a module: every place that breaks a rule.

What is only written for a type checker or for running the file as a script is passed over: no run executes it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from lightlag.launch.graph.diagnostics import Place, Source

from . import rules
from .findings import Finding
from .kinds import SETS, Kind, Names
from .rules import Use
from .scopes import Function, scopes_of

#: Their result is the same in whatever order they take their items.
_ORDER_FREE = ("sorted", "set", "frozenset", "len", "any", "all", "sum", "min", "max")
#: Their result is in the order of what they are given. The number is of the arguments that are no such thing.
_ORDERED = {"list": 0, "tuple": 0, "enumerate": 0, "iter": 0, "zip": 0, "map": 1, "filter": 1}
_ORDERED_NAMES = ("collections.deque", "itertools.chain", "itertools.islice", "itertools.accumulate")
_ORDERED_METHODS = ("join", "extend", "extendleft", "fromkeys", "writelines")
#: Their result, where its own order does not matter, leaves that of what they are given without matter.
_HANDING_ON = tuple(f"builtins.{name}" for name in ("list", "tuple", "map", "filter", "iter", "reversed"))
_TEXTS = ("str", "repr", "format", "print")
_KEPT_LISTINGS = ("list", "tuple")
_READERS = ("builtins.open", "io.open", "os.open")
_READING_METHODS = ("read_text", "read_bytes")
_SHORT = 40
_WEAK = ("weakref.ref", "weakref.proxy", "weakref.WeakMethod")
_NEVER = ("TYPE_CHECKING", "typing.TYPE_CHECKING", "__name__ == '__main__'")
_BEFORE_THE_RUN = ("__init__", "__post_init__", "check")
#: As a key, or in one of these, an id only tells things apart.
_KEYED_METHODS = ("add", "get", "pop", "remove", "discard", "setdefault")


def check(module: ast.Module, source: Source) -> list[Finding]:
    """The findings of a module, before any comment allows them."""
    return _Walk(module, source).found


class _Walk(ast.NodeVisitor):
    def __init__(self, module: ast.Module, source: Source) -> None:
        self.found: list[Finding] = []
        self._source = source
        self._scopes = scopes_of(module)
        self._names = Names(self._scopes)
        self._scope = self._scopes.of[module]
        #: The functions around the place, innermost last; and the innermost class.
        self._functions: list[Function] = []
        self._class: ast.ClassDef | None = None
        #: Expressions whose order, or whose address, does not matter where they stand.
        self._free: dict[ast.AST, None] = {}
        self._compared: dict[ast.AST, None] = {}
        #: What is asked by every ``if`` around the place, as text.
        self._tests: list[str] = []
        self._visit_all(module.body)

    # -- scopes -------------------------------------------------------------------------------------------------

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])
        around, scope = self._class, self._scope
        self._class, self._scope = node, self._scopes.of[node]
        self._visit_all(node.body)
        self._class, self._scope = around, scope

    def visit_FunctionDef(self, node: Function) -> None:
        arguments = node.args
        self._visit_all([*node.decorator_list, *arguments.defaults, *filter(None, arguments.kw_defaults)])
        if node.name == "__del__" and self._scope.is_class:
            self._add(rules.DEL, "__del__", node, len("def __del__"))
        scope, self._scope = self._scope, self._scopes.of[node]
        self._functions.append(node)
        self._visit_all(node.body)
        self._functions.pop()
        self._scope = scope

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_If(self, node: ast.If | ast.IfExp) -> None:
        test = ast.unparse(node.test)
        if test in _NEVER and isinstance(node, ast.If):
            self._visit_all(node.orelse)
            return
        self._tests.append(test)
        self.generic_visit(node)
        self._tests.pop()

    visit_IfExp = visit_If  # noqa: N815

    # -- names --------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._check_import(alias.name, alias)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level == 0 and node.module is not None:
            for alias in node.names:
                self._check_import(f"{node.module}.{alias.name}", alias)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._check_name(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not self._check_name(node):
            self.visit(node.value)

    def _check_import(self, name: str, node: ast.alias) -> None:
        if use := rules.imported(name):
            self._add(use, name, node)

    def _check_name(self, node: ast.expr) -> bool:
        name = self._names.resolve(node, self._scope)
        use = rules.always(name) if name else None
        if use is not None and name is not None:
            self._add(use, name.removeprefix("builtins."), node)
        return use is not None

    # -- calls --------------------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> None:
        name = self._names.resolve(node.func, self._scope) or ""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        builtin = name.removeprefix("builtins.") if name.startswith("builtins.") else ""
        if use := rules.CALLED.get(name):
            self._add(use, name, node.func)
        if not self._functions and (use := rules.SHARED.get(name)):
            self._add(use, name, node.func)
        self._check_arguments(node, name)
        self._check_identity(node, builtin, method)
        self._check_reading(node, name, method)
        self._check_futures(node, name, method)
        self._check_order(node, name, builtin, method)
        self.generic_visit(node)

    def _check_arguments(self, node: ast.Call, name: str) -> None:
        given = len(node.args) + len(node.keywords)
        open_ended = any(isinstance(it, ast.Starred) for it in node.args) or any(not it.arg for it in node.keywords)
        least, use = rules.TOO_FEW.get(name, (0, None))
        if use is not None and given < least and not open_ended:
            self._add(use, f"{name} with {given or 'no'} argument{'s' if given != 1 else ''}", node.func)
        seeds = [*node.args, *(keyword.value for keyword in node.keywords)]
        if name in rules.UNSEEDED and all(isinstance(it, ast.Constant) and it.value is None for it in seeds):
            self._add(rules.UNSEEDED_USE, name, node.func)
        for keyword in node.keywords:
            factory = self._names.resolve(keyword.value, self._scope)
            if keyword.arg == "default_factory" and factory in rules.UNSEEDED:
                self._add(rules.UNSEEDED_USE, factory, keyword.value)
        if name in _WEAK and len(node.args) > 1:
            self._add(rules.WEAK, f"{name} with a callback", node.func)

    def _check_identity(self, node: ast.Call, builtin: str, method: str) -> None:
        harmless = any(function.name in ("__hash__", "__repr__") for function in self._functions)
        if builtin in ("hash", "id") and node.args and node not in self._compared and not harmless:
            if builtin == "id":
                self._add(rules.ID, "id()", node.func)
            elif self._names.kind(node.args[0], self._scope) is not Kind.STEADY:
                self._add(rules.HASH, "hash()", node.func)
        if method in _KEYED_METHODS:
            self._set_compared(node.args[:1])
        for keyword in node.keywords:
            key = self._names.resolve(keyword.value, self._scope)
            if keyword.arg == "key" and key in ("builtins.id", "builtins.hash"):
                use = rules.ID if key == "builtins.id" else rules.HASH
                self._add(use, f"{key.removeprefix('builtins.')} as a key", keyword.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        if all(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops):
            self._set_compared([node.left, *node.comparators])
        for op, operand in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                self._set_free(operand)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        self._set_compared(key for key in node.keys if key is not None)
        self.generic_visit(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._set_compared([node.key])
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._set_compared([node.slice])
        self.generic_visit(node)

    def _set_compared(self, nodes: Iterable[ast.expr]) -> None:
        """Whatever numbers these are, they only tell things apart."""
        for node in nodes:
            self._compared.update(dict.fromkeys([node, *(node.elts if isinstance(node, ast.Tuple) else ())]))

    def _check_reading(self, node: ast.Call, name: str, method: str) -> None:
        if not self._runs_in_simulated_time():
            return
        if name in _READERS and not _writes(node):
            self._add(rules.READ, f"{name.removeprefix('builtins.')}()", node.func)
        elif not name and method in _READING_METHODS:
            self._add(rules.READ, f".{method}()", node.func)

    def _runs_in_simulated_time(self) -> bool:
        """Whether the place is in an ``async def``, or in a method of a class that has one."""
        if any(isinstance(function, ast.AsyncFunctionDef) for function in self._functions):
            return True
        live = self._class is not None and any(isinstance(it, ast.AsyncFunctionDef) for it in self._class.body)
        return live and bool(self._functions) and self._functions[0].name not in _BEFORE_THE_RUN

    def _check_futures(self, node: ast.Call, name: str, method: str) -> None:
        first = node.args[0] if node.args else None
        if name == "asyncio.as_completed" and first is not None:
            if any(self._names.is_coroutine(element, self._scope) for element in _elements(first)):
                self._add(rules.BARE, "asyncio.as_completed of coroutines", node.func)
        elif first is not None and (name == "asyncio.wait" or name in ("builtins.set", "builtins.frozenset")):
            self._check_gathered([] if isinstance(first, ast.Set) else _elements(first))
        elif method == "add" and first is not None:
            self._check_gathered([first])

    def visit_Set(self, node: ast.Set) -> None:
        self._check_gathered(node.elts)
        self._set_compared(node.elts)
        for element in node.elts:
            self._set_free(element)
        self.generic_visit(node)

    def _check_gathered(self, elements: Iterable[ast.expr]) -> None:
        for element in elements:
            if self._names.kind(element, self._scope) is Kind.GATHERED:
                self._add(rules.GATHERED, "the result", element)

    # -- order --------------------------------------------------------------------------------------------------

    def _check_order(self, node: ast.Call, name: str, builtin: str, method: str) -> None:
        keyed = any(keyword.arg == "key" for keyword in node.keywords)
        if (builtin in _ORDER_FREE and not (keyed and builtin in ("min", "max"))) or name == "math.fsum":
            for argument in node.args:
                self._set_free(argument)
        elif builtin in ("min", "max"):
            items = node.args if len(node.args) == 1 else []
            self._in_order(items, f"{builtin}() with a key, where two are equal,")
        elif builtin in _ORDERED and node not in self._free:
            taken = node.args[_ORDERED[builtin] :]
            if builtin in _KEPT_LISTINGS:  # it may be sorted later; if it is gone through, that is found there
                taken = [it for it in taken if self._names.kind(it, self._scope) is not Kind.LISTING]
            self._in_order(taken, f"{builtin}()")
        elif builtin in _TEXTS:
            self._in_order([it for it in node.args if self._names.kind(it, self._scope) in SETS], f"{builtin}()")
        elif name in _ORDERED_NAMES:
            self._in_order(node.args[:1], f"{name}()")
        elif method in _ORDERED_METHODS:
            self._in_order(node.args[:1], f".{method}()")
        elif isinstance(node.func, ast.Attribute) and self._names.kind(node.func.value, self._scope) in SETS:
            if method == "pop" and not node.args:
                self._in_order([node.func.value], ".pop()")
            for argument in node.args:
                self._set_free(argument)

    def visit_For(self, node: ast.For | ast.comprehension) -> None:
        self._in_order([node.iter], "for")
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        if not node.is_async:
            self._in_order([node.iter], "for")
        self.generic_visit(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._set_free(node)
        self._set_compared([node.elt])
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        self._in_order([node.value], "*")
        self.generic_visit(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self._in_order([node.value], "yield from")
        self.generic_visit(node)

    def visit_FormattedValue(self, node: ast.FormattedValue) -> None:
        if self._names.kind(node.value, self._scope) in SETS:
            self._in_order([node.value], "an f-string")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign | ast.AnnAssign) -> None:
        if node.value is None:
            return
        self._set_compared([node.value])  # a name for it: most likely to be a key
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Tuple | ast.List):
                if len(target.elts) > 1:
                    self._in_order([node.value], "unpacking")
            elif self._names.is_sorted_later(target, self._scope):
                self._set_free(node.value)
            self.visit(target)
        self.visit(node.value)

    visit_AnnAssign = visit_Assign  # noqa: N815

    def _set_free(self, node: ast.expr) -> None:
        """The order of what this expression goes through does not matter."""
        self._free[node] = None
        if isinstance(node, ast.Starred):
            self._set_free(node.value)
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            for generator in node.generators:
                self._set_free(generator.iter)
        elif isinstance(node, ast.List | ast.Tuple):
            for element in node.elts:
                if isinstance(element, ast.Starred):
                    self._set_free(element)
        elif isinstance(node, ast.Call) and self._names.resolve(node.func, self._scope) in _HANDING_ON:
            for argument in node.args:
                self._set_free(argument)

    def _in_order(self, nodes: Iterable[ast.expr], how: str) -> None:
        for node in nodes:
            kind = self._names.kind(node, self._scope)
            if node in self._free or kind not in (Kind.SET, Kind.LISTING):
                continue
            written = ast.unparse(node)
            if any(f"len({written}) == 1" in test for test in self._tests):  # of a set of one there is one order
                continue
            written = written if len(written) <= _SHORT else "..."
            if kind is Kind.SET:
                what = "takes the items of a set in an order that differs from process to process"
                use = Use("set-order", what, f"sorted({written}), or a dict (dict.fromkeys), which keeps its order")
            else:
                use = Use("file-order", "takes files in the order of the file system", f"sorted({written})")
            self._add(use, how, node)
            self._free[node] = None  # said once

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _add(self, use: Use, subject: str, node: ast.expr | ast.alias | Function, width: int = 0) -> None:
        line = self._source.lines[node.lineno - 1].encode()
        start = len(line[: node.col_offset].decode(errors="replace"))
        last = node.end_lineno or node.lineno
        end_offset = node.end_col_offset if last == node.lineno else len(line)
        end = len(line[:end_offset].decode(errors="replace"))
        place = Place(self._source, node.lineno, start + 1, width or max(1, end - start))
        self.found.append(Finding.of(use, subject, place, last))


def _writes(node: ast.Call) -> bool:
    mode = next((keyword.value for keyword in node.keywords if keyword.arg == "mode"), None)
    mode = mode or (node.args[1] if len(node.args) > 1 else None)
    return mode is not None and not (isinstance(mode, ast.Constant) and not set(str(mode.value)) & set("wax+"))


def _elements(node: ast.expr) -> list[ast.expr]:
    """The expressions that a literal or comprehension is made of."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return node.elts
    return [node.elt] if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp) else []
