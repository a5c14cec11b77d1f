import asyncio

fixed = True


def units(timers):
    return timers


async def repeat(times, timers):
    await asyncio.gather(*(asyncio.sleep(i * 7919 % 1000 / 1000) for i in range(timers)))
