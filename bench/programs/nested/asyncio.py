import asyncio


async def nested(depth, times):
    if depth > 1:
        return await nested(depth - 1, times)
    for _ in range(times):
        await asyncio.sleep(0)


def units(depth):
    return 1


async def repeat(times, depth):
    await nested(depth, times)
