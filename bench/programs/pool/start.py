"""From an executor's constructor to its first result."""

import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from operator import add


def value_sync(*, workers, processes=False, **_):
    begin = time.perf_counter()
    with (ProcessPoolExecutor if processes else ThreadPoolExecutor)(workers) as executor:
        assert executor.submit(add, 1, 1).result() == 2
        return (time.perf_counter() - begin) * 1000
