import asyncio

restart = None  # given by child.py


async def worker(lock, times):
    for _ in range(times):
        await lock.acquire()
        lock.release()


def units(tasks):
    return tasks


def least(tasks):
    return 1 if tasks == 1 else max(4, 10_000 // tasks)


async def repeat(times, tasks):
    lock = asyncio.Lock()
    if tasks == 1:
        return await worker(lock, times)
    await lock.acquire()
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(worker(lock, times))
        await asyncio.sleep(0)
        restart()
        lock.release()
