import asyncio


async def returns():
    return 1


async def yields_once():
    await asyncio.sleep(0)
    return 1


def units(yields):
    return 1


async def repeat(times, yields):
    body = yields_once if yields else returns
    for _ in range(times):
        async with asyncio.timeout(1):
            await body()
