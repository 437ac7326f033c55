"""Arithmetic without `eval`: exact fractions, and floats where a function has no exact value."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from agentfast.errors import ToolError
from agentfast.tools.definition import FunctionTool, tool

MAX_CHARS: Final = 1000
"""Characters of an expression."""
MAX_BITS: Final = 10_000
"""Bits of a number's numerator or denominator, some 3,000 digits."""
_MAX_DEPTH: Final = 50

_BINARY: Final[dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction | int]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_CONSTANTS: Final = {"pi": math.pi, "e": math.e}
_EXACT: Final[dict[str, Callable[..., Fraction | int]]] = {
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "max": max,
    "min": min,
    "round": lambda number, digits=Fraction(0): round(number, _integer(digits)),
}
_FLOAT: Final[dict[str, Callable[..., float]]] = {
    name: getattr(math, name)
    for name in (
        "acos",
        "asin",
        "atan",
        "cos",
        "degrees",
        "exp",
        "log",
        "log10",
        "log2",
        "radians",
        "sin",
        "tan",
    )
}


def calculator() -> FunctionTool[[str], int | float]:
    """Make a tool for arithmetic.

    Numbers are exact fractions, so 0.1 + 0.2 is 0.3; roots, logarithms and trigonometry are those of floats. An
    expression has at most 1,000 characters, a number at most 10,000 bits.
    """
    return tool(calculate)


def calculate(expression: str) -> int | float:
    """Calculate an arithmetic expression.

    Args:
        expression: Numbers, + - * / // % **, parentheses, pi, e, abs, round, floor, ceil, min, max, sqrt, exp, log, log2, log10, sin, cos, tan, asin, acos, atan, degrees and radians.
    """
    if len(expression) > MAX_CHARS:
        raise ToolError(f"the expression has {len(expression)} characters; at most {MAX_CHARS} are read")
    try:
        root = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ToolError(f"{expression!r} is not an arithmetic expression") from error
    try:
        value = _value(root, _MAX_DEPTH)
        return value.numerator if value.denominator == 1 else float(value)
    except ZeroDivisionError as error:
        raise ToolError("division by zero") from error
    except (OverflowError, ValueError) as error:
        raise ToolError(f"{expression!r} has no value that a float can hold: {error}") from error


def _value(node: ast.expr, depth: int) -> Fraction:
    if depth == 0:
        raise ToolError(f"the expression is nested more than {_MAX_DEPTH} levels deep")
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            # The digits as they are written: 0.1 is a tenth.
            return _checked(Fraction(number) if isinstance(number, int) else Fraction(repr(number)))
        case ast.Name(id=name) if name in _CONSTANTS:
            return Fraction(_CONSTANTS[name])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, depth - 1)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, depth - 1)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, depth - 1), _value(right, depth - 1))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _checked(Fraction(_BINARY[type(op)](_value(left, depth - 1), _value(right, depth - 1))))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, [_value(argument, depth - 1) for argument in arguments])
        case _:
            raise ToolError(f"{ast.unparse(node)[:80]!r} is no part of arithmetic")


def _call(name: str, arguments: list[Fraction]) -> Fraction:
    try:
        if name in _EXACT:
            return _checked(Fraction(_EXACT[name](*arguments)))
        if name == "sqrt" and len(arguments) == 1:
            return _power(arguments[0], Fraction(1, 2))
        if name in _FLOAT:
            return Fraction(_FLOAT[name](*map(float, arguments)))
    except TypeError as error:
        raise ToolError(f"{name} takes other arguments") from error
    raise ToolError(f"{name!r} is not a function here", hint="use " + ", ".join([*_EXACT, "sqrt", *_FLOAT]))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        if base < 0:
            raise ValueError("a root of a negative number is not real")
        root = _exact_root(base) if exponent == Fraction(1, 2) else None
        return Fraction(float(base) ** float(exponent)) if root is None else root
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if base not in (0, 1, -1) and (bits - 1) * abs(exponent.numerator) > MAX_BITS:
        raise ToolError(f"a power has more than {MAX_BITS} bits")
    return _checked(base ** (exponent.numerator if abs(base) != 1 else exponent.numerator % 2))


def _exact_root(number: Fraction) -> Fraction | None:
    root = Fraction(math.isqrt(number.numerator), math.isqrt(number.denominator))
    return root if root * root == number else None


def _integer(number: Any) -> int:
    if number.denominator != 1 or abs(number) > MAX_BITS:
        raise ToolError("round takes a whole number of digits")
    return int(number)


def _checked(number: Fraction) -> Fraction:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS:
        raise ToolError(f"a number has more than {MAX_BITS} bits")
    return number
