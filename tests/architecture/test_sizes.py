"""A file and a function fit in one glance."""

import statistics

LONGEST_FILE = 600  # lines
LONG_FILE = 400  # beyond this the module docstring says why: "Long because ..."
LONGEST_FUNCTION = 60
LONG_FUNCTION = 50


def length(function) -> int:
    return function.end_lineno - function.lineno + 1


def test_no_file_is_too_long(everything):
    too_long = {source.name: len(source.lines) for source in everything}
    assert {name: n for name, n in too_long.items() if n > LONGEST_FILE} == {}


def test_a_long_file_says_why(everything):
    long = [source for source in everything if len(source.lines) > LONG_FILE]
    assert [source.name for source in long if "Long because" not in source.text] == []


def test_no_function_is_too_long(everything):
    long = [
        f"{source.name}:{function.lineno} {function.name} {length(function)}"
        for source in everything
        for function in source.functions
        if length(function) > LONGEST_FUNCTION
    ]
    assert long == []


def test_nearly_every_function_is_short(sources):
    lengths = sorted(length(function) for source in sources for function in source.functions)
    assert lengths[int(0.99 * len(lengths))] < LONG_FUNCTION
    assert statistics.median(lengths) <= 10
