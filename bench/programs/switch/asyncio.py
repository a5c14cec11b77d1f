import asyncio


async def worker(times):
    for _ in range(times):
        await asyncio.sleep(0)


def units(tasks):
    return tasks


def least(tasks):
    return max(200, 100_000 // tasks)


async def repeat(times, tasks):
    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(worker(times))
