"""CPython's ThreadPoolExecutor, one call after the other."""

from concurrent.futures import ThreadPoolExecutor
from operator import add

executor = ThreadPoolExecutor(1)


def units():
    return 1


async def repeat(times):
    for n in range(times):
        assert executor.submit(add, n, 1).result() == n + 1
