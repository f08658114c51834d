"""Cells in plain replies."""

import pytest

from rlm_tui.repl.cells import cells_in


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("Let me look.\n```repl\nprint(1)\n```\nand\n```python\nx = 2\n```\n", ["print(1)\n", "x = 2\n"]),
        ("```bash\nls\n```\n```json\n{}\n```\n```\nplain\n```", []),
        ("```repl\nnever closed = 1", ["never closed = 1"]),
        ("```REPL\nprint('```')\n```", ["print('```')\n"]),
        ("No code here.", []),
        ("FINAL(It is 42 (really))", ["FINAL('It is 42 (really)')"]),
        ('FINAL("It\'s\\n42")', ['FINAL("It\'s\\n42")']),
        ("Done.\nFINAL_VAR(result)", ["FINAL_VAR('result')"]),
        ("```repl\nr = 1\n```\nFINAL_VAR('r')", ["r = 1\n", "FINAL_VAR('r')"]),
        ("```repl\nr = 1\n```\nFINAL(guess)", ["r = 1\n"]),
        ("Use FINAL(x) to end, they say.", []),
    ],
)
def test_what_runs(text: str, cells: list[str]) -> None:
    assert cells_in(text) == cells


def test_python_blocks_of_a_model_that_calls_tools_are_only_shown() -> None:
    assert cells_in("```python\nx = 1\n```\n```repl\ny = 2\n```", python=False) == ["y = 2\n"]
