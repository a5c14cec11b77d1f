import time


def value_sync(**_):
    start = time.perf_counter()
    import asyncio  # noqa: F401

    return (time.perf_counter() - start) * 1000
