"""How large a pattern becomes when its repetitions are written out, as a backtracking compiler does.

`(?:(?:a{1000}){1000}){1000}` is short and takes all memory there is; this counts before anything is compiled.
"""

import math
import re
import warnings
from collections.abc import Iterable
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from re import _constants as ops  # type: ignore[attr-defined]  # the parser is private; failing it is planned for
    from re import _parser as parser  # type: ignore[attr-defined]  # as above

_COUNT = re.compile(r"\{(\d{1,9})")


def written_out(pattern: str) -> int:
    """Return about how many nodes `pattern` has when each repeated part is written as often as it must occur.

    A pattern that Python's parser does not know is taken to nest all its counts.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _size(parser.parse(pattern))
    except (re.error, RecursionError, OverflowError, ValueError):
        return len(pattern) * math.prod(max(1, int(count)) for count in _COUNT.findall(pattern))


def _size(nodes: Iterable[tuple[Any, Any]]) -> int:
    return sum(_node_size(operator, argument) for operator, argument in nodes)


def _node_size(operator: Any, argument: Any) -> int:
    if operator in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        return 1 + max(1, int(argument[0])) * _size(argument[2])
    if operator is ops.BRANCH:
        return sum(map(_size, argument[1]))
    if operator is ops.SUBPATTERN:
        return 1 + _size(argument[3])
    if operator in (ops.ASSERT, ops.ASSERT_NOT):
        return 1 + _size(argument[1])
    if operator is ops.ATOMIC_GROUP:
        return 1 + _size(argument)
    if operator is ops.GROUPREF_EXISTS:
        return 1 + _size(argument[1]) + _size(argument[2] or ())
    return 1
