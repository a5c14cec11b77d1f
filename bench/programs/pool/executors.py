"""CPython's pools, as many calls under way as `inFlight` says."""

from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from operator import add, getitem

executors = {}


def units(**_):
    return 1


def open_executor(processes, workers):
    if processes not in executors:
        executors[processes] = (ProcessPoolExecutor if processes else ThreadPoolExecutor)(workers)
    return executors[processes]


async def repeat(times, *, work, workers, inFlight, processes=False, **_):
    executor = open_executor(processes, workers)
    order = {
        "customer": {"name": "Ada Lovelace", "city": "London", "active": True},
        "items": [{"sku": "A-100", "price": 9.5}, {"sku": "B-200", "price": 12}],
        "note": None,
    }
    call = {
        "scalars": lambda n: executor.submit(add, n, 1),
        "rich": lambda n: executor.submit(getitem, {**order, "id": n}, "customer"),
    }[work]
    expected = {"scalars": lambda n: n + 1, "rich": lambda n: order["customer"]}[work]
    under_way = deque()
    for n in range(times):
        if len(under_way) == inFlight:
            number, future = under_way.popleft()
            assert future.result() == expected(number)
        under_way.append((n, call(n)))
    for number, future in under_way:
        assert future.result() == expected(number)
