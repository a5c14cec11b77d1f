import asyncio


async def nested(depth):
    if depth > 0:
        return 1 + await nested(depth - 1)
    await asyncio.sleep(0)
    return 0


def units(depth):
    return depth


async def repeat(times, depth):
    for _ in range(times):
        assert await nested(depth) == depth
