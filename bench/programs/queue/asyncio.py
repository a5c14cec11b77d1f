import asyncio


async def produce(queue, times):
    for i in range(times):
        await queue.put(i)


async def consume(queue, times):
    for i in range(times):
        assert await queue.get() == i


def units(capacity):
    return 1


async def repeat(times, capacity):
    queue = asyncio.Queue(capacity)
    async with asyncio.TaskGroup() as group:
        group.create_task(produce(queue, times))
        group.create_task(consume(queue, times))
