"""Lists the public names of Python's asyncio, for docs/python-map.md.

    node scripts/python-map.mjs --names

runs this file in Pyodide's CPython and writes scripts/python-names.json; a CPython of the same version
gives the same list: `python3.14 scripts/python-names.py`. The order is Python's own, so that a new version
gives a small diff.
"""

import ast
import importlib
import inspect
import json
import sys
import textwrap

# Names that exist only on some platforms, or that a module gives without listing them in __all__.
PLATFORM = {
    "asyncio": [
        "open_unix_connection",
        "start_unix_server",
        "ProactorEventLoop",
        "IocpProactor",
        "AbstractEventLoopPolicy",
        "DefaultEventLoopPolicy",
        "WindowsSelectorEventLoopPolicy",
        "WindowsProactorEventLoopPolicy",
    ],
    "asyncio.subprocess": ["PIPE", "STDOUT", "DEVNULL", "Process"],
    "asyncio.staggered": ["staggered_race"],
    "concurrent.futures": ["InterpreterPoolExecutor"],
    "concurrent.futures.thread": ["BrokenThreadPool"],
    "concurrent.futures.process": ["BrokenProcessPool"],
}

# What a `with`, `await` or `for` finds on an object.
PROTOCOLS = ["__aenter__", "__aexit__", "__enter__", "__exit__", "__await__", "__aiter__", "__anext__"]


def public(name):
    return not name.startswith("_") or name in PROTOCOLS


def attributes(cls):
    """Public attributes that the methods of a class written in Python set on `self`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):
        return []
    return [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    ]


def members(cls, listed):
    """What the class adds to its bases, private bases counted as its own, in order of definition."""
    known = [base for base in cls.__mro__[1:] if base in listed or base.__module__ == "builtins"]
    own = [base for base in cls.__mro__ if not any(issubclass(other, base) for other in known)]
    inherited = {name for base in known for name in (*vars(base), *attributes(base))}
    names = dict.fromkeys(name for base in own for name in (*vars(base), *attributes(base)))
    return [name for name in names if public(name) and name not in inherited]


def names(module):
    return list(dict.fromkeys([*getattr(module, "__all__", []), *PLATFORM.get(module.__name__, [])]))


def describe(module, listed):
    result = {}
    for name in names(module):
        # Not getattr: it would warn for the deprecated names that a module's __getattr__ serves.
        value = vars(module).get(name)
        result[name] = members(value, listed) if isinstance(value, type) else []
    return result


MODULES = [
    importlib.import_module(name)
    for name in [
        "asyncio",
        "asyncio.subprocess",
        "asyncio.staggered",
        "contextvars",
        "concurrent.futures",
        "concurrent.futures.thread",
        "concurrent.futures.process",
    ]
]
# ProcessPoolExecutor and its like are set on the package by their first use.
for module in MODULES:
    for name in getattr(module, "__all__", []):
        getattr(module, name)
LISTED = {value for module in MODULES for name in names(module) if isinstance(value := vars(module).get(name), type)}

print(
    json.dumps(
        {
            "python": ".".join(map(str, sys.version_info[:3])),
            "modules": {module.__name__: describe(module, LISTED) for module in MODULES},
        },
        indent=2,
    )
)
