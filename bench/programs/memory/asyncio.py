import asyncio
import resource


async def parked(event):
    await event.wait()


async def sleeping():
    await asyncio.sleep(3600)


def resident_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def value(tasks, sleeps):
    event = asyncio.Event()
    kept = [asyncio.create_task(sleeping() if sleeps else parked(event)) for _ in range(1000)]
    await asyncio.sleep(0)
    before = resident_bytes()
    kept += [asyncio.create_task(sleeping() if sleeps else parked(event)) for _ in range(tasks)]
    await asyncio.sleep(0)
    used = resident_bytes() - before
    event.set()  # cancelling this many waiters one by one would take minutes
    await asyncio.sleep(0)
    return used / tasks
