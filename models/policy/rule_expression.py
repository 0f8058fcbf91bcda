"""Rules over features, written as comparisons and compiled to numpy over a whole chunk.

``subscriber_forwarding_on == 1 and amount_minor > 2000000`` may use the names of the catalog,
``probability`` and ``amount_minor``, numbers, ``+ - * /``, comparisons, ``and``, ``or``, ``not``. A
comparison with a missing value is false. The expression is parsed, not evaluated as Python: any
other syntax is refused.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forewarn.errors import ConfigurationError

Values = Callable[["Rows"], Any]

_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.true_divide,
}


@dataclass(frozen=True, slots=True)
class Rows:
    """What an expression looks at: vectors float32 [n, F], probabilities and amounts [n]."""

    vectors: NDArray[np.float32]
    probability: NDArray[np.float64]
    amount_minor: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled condition over rows."""

    text: str
    _condition: Values

    def matches(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows fulfil the condition."""
        with np.errstate(divide="ignore", invalid="ignore"):  # x / 0 is missing, thus false
            result = np.asarray(self._condition(rows), np.bool_)
        return np.broadcast_to(result, (len(rows.vectors),))


def compile_expression(text: str, features: Sequence[str]) -> Expression:
    """Compile a condition over these features.

    Raises:
        ConfigurationError: naming the unknown feature or the part that is not allowed.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ConfigurationError(
            f"the condition {text!r} cannot be read: {error.msg}",
            hint="Write comparisons joined by and, or, not.",
        ) from None
    compiler = _Compiler(text, {name: index for index, name in enumerate(features)})
    return Expression(text, compiler.condition(tree))


class _Compiler:
    def __init__(self, text: str, columns: Mapping[str, int]) -> None:
        self._text, self._columns = text, columns

    def condition(self, node: ast.expr) -> Values:
        if isinstance(node, ast.BoolOp):
            parts = [self.condition(part) for part in node.values]
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return lambda rows: join.reduce(
                np.broadcast_arrays(*(part(rows) for part in parts)), axis=0
            )
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self.condition(node.operand)
            return lambda rows: np.logical_not(inner(rows))
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        raise self._refuse(node, "is no comparison")

    def _comparison(self, node: ast.Compare) -> Values:
        sides = [self._number(side) for side in (node.left, *node.comparators)]
        tests = []
        for op, left, right in zip(node.ops, sides[:-1], sides[1:], strict=True):
            if type(op) not in _COMPARE:
                raise self._refuse(node, "has an operator that is not allowed")
            tests.append((_COMPARE[type(op)], left, right))

        def holds(rows: Rows) -> Any:
            result: Any = True
            for compare, left, right in tests:
                a, b = left(rows), right(rows)
                known = ~(np.isnan(a) | np.isnan(b))  # != would be true of a missing value
                result = result & compare(a, b) & known
            return result

        return holds

    def _number(self, node: ast.expr) -> Values:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            value = np.float64(node.value)
            return lambda _: value
        if isinstance(node, ast.Name):
            return self._column(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self._number(node.operand)
            return lambda rows: -inner(rows)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            left, right = self._number(node.left), self._number(node.right)
            apply = _ARITHMETIC[type(node.op)]
            return lambda rows: apply(left(rows), right(rows))
        raise self._refuse(node, "is neither a number nor a feature")

    def _column(self, node: ast.Name) -> Values:
        if node.id == "probability":
            return lambda rows: rows.probability
        if node.id == "amount_minor":
            return lambda rows: rows.amount_minor.astype(np.float64)
        if node.id not in self._columns:
            raise ConfigurationError(
                f"the condition {self._text!r} names {node.id!r}, which is no feature",
                hint="docs/features.md lists them; probability and amount_minor are known too.",
            )
        index = self._columns[node.id]
        return lambda rows: rows.vectors[:, index].astype(np.float64)

    def _refuse(self, node: ast.expr, why: str) -> ConfigurationError:
        part = ast.get_source_segment(self._text.strip(), node)
        return ConfigurationError(
            f"in the condition {self._text!r}, {part!r} {why}",
            hint="Use feature names, numbers, + - * /, comparisons, and, or, not.",
        )
