"""The text of a stored config as data: literals, dicts, lists and tuples, read without running anything.

A config file is code that the user trusts. The config in a checkpoint or in the folder of a run comes with the file;
MMEngine writes it as Python text, from which only the values are read here.
"""

import ast
import math
import re
from typing import Any

WAY_OUT = (
    'give a config of your own (-c CONFIG), or, if you trust the source of the file, --trust (trust=True in '
    'Python), which runs its config as a program'
)

_LARGEST = 1 << 20  # characters; dumped configs have some ten thousand
_DEEPEST = 60
_NUMBERS = {'inf': math.inf, 'nan': math.nan}  # as MMEngine writes them
# a key that a dump would write as code, or that names internals of an object
_BAD_KEY = re.compile(r'__|.*[\'"\\\n\r{}]', re.DOTALL)


def parse_config_text(text: str, source: str) -> dict[str, Any]:
    """Read the text of a config: lines ``name = value`` whose values are literals, dicts, lists and tuples.

    Args:
        text (str): The text, as ``Config.pretty_text`` of MMEngine writes it.
        source (str): Name of the file, for the error.

    Returns:
        dict[str, Any]: The values by name: dicts, lists, tuples, strings, numbers, booleans and None.

    Raises:
        ValueError: If the text holds anything else, such as a call, an import, an expression, ``_base_`` or
            ``{{...}}``; the message says what, where, and what to do.
    """
    if not isinstance(text, str):
        raise refused(source, f'is not text but {type(text).__name__}')
    if len(text) > _LARGEST:
        raise refused(source, f'has {len(text)} characters, more than {_LARGEST}')
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise refused(source, f'is not the text of a config ({str(error) or type(error).__name__})') from None
    return _Reader(source, text.split('\n')).read(body)


def refused(source: str, finding: str) -> ValueError:
    """The error for a refused stored config, with a remedy."""
    return ValueError(
        f'{source}: the config that it holds {finding}; a stored config is read as data and never run: {WAY_OUT}'
    )


class _Reader:
    """Values of syntax trees."""

    def __init__(self, source: str, lines: list[str]):
        self.source = source
        self.lines = lines

    def read(self, statements: list[ast.stmt]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for statement in statements:
            named = (
                isinstance(statement, ast.Assign)
                and len(statement.targets) == 1
                and isinstance(statement.targets[0], ast.Name)
            )
            if not named:
                raise self._error(statement, 'expected "name = value"')
            self._put(values, statement.targets[0].id, self.value(statement.value), statement)
        return values

    def value(self, node: ast.expr, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise self._error(node, f'nested deeper than {_DEEPEST}')
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str()):
                if isinstance(node.value, str) and '{{' in node.value:
                    raise self._error(node, '{{...}} stands for a value of another file or of the environment')
                return node.value
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                number = self._number(node, operand, depth)
                return -number if isinstance(sign, ast.USub) else number
            case ast.Name(id=name) if name in _NUMBERS:
                return _NUMBERS[name]
            case ast.List(elts=items):
                return [self.value(item, depth + 1) for item in items]
            case ast.Tuple(elts=items):
                return tuple(self.value(item, depth + 1) for item in items)
            case ast.Dict(keys=keys, values=items):
                return self._dict(node, keys, items, depth)
            case ast.Call(func=ast.Name(id='dict' | 'list' | 'tuple' as kind), args=args, keywords=keywords):
                return self._call(node, kind, args, keywords, depth)
        raise self._error(node, 'expected a literal, a dict, a list or a tuple')

    def _number(self, node: ast.expr, operand: ast.expr, depth: int) -> int | float:
        number = self.value(operand, depth + 1)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise self._error(node, 'a sign without a number')
        return number

    def _dict(self, node: ast.expr, keys: list, items: list, depth: int) -> dict:
        values: dict = {}
        for key, item in zip(keys, items, strict=True):
            name = None if key is None else self.value(key, depth + 1)
            if not isinstance(name, (str, int, float)):
                raise self._error(node, 'the keys of a dict are strings or numbers')
            self._put(values, name, self.value(item, depth + 1), node)
        return values

    def _call(self, node: ast.expr, kind: str, args: list, keywords: list, depth: int) -> Any:
        given = [self.value(arg, depth + 1) for arg in args]
        if kind != 'dict':
            if keywords or len(given) > 1 or not all(isinstance(value, (list, tuple)) for value in given):
                raise self._error(node, f'{kind}() takes one list or tuple')
            return (list if kind == 'list' else tuple)(*given)
        if len(given) > 1 or not all(isinstance(value, dict) for value in given):
            raise self._error(node, 'dict() takes one dict, and values by name')
        values = dict(*given)
        for keyword in keywords:
            if keyword.arg is None:
                raise self._error(node, 'expected values by name, found **')
            self._put(values, keyword.arg, self.value(keyword.value, depth + 1), node)
        return values

    def _put(self, values: dict, key: Any, value: Any, node: ast.AST) -> None:
        if key in values:
            raise self._error(node, f'{key!r} occurs twice')
        if key == '_base_':
            raise self._error(node, '_base_ stands for another file')
        if isinstance(key, str) and _BAD_KEY.match(key):
            raise self._error(node, f'{key!r} is not a name')
        values[key] = value

    def _error(self, node: ast.AST, expected: str) -> ValueError:
        shown = self.lines[node.lineno - 1].strip() if node.lineno <= len(self.lines) else ''
        shown = shown if len(shown) <= 80 else f'{shown[:77]}...'
        return refused(self.source, f'is more than data in line {node.lineno} ("{shown}"): {expected}')
