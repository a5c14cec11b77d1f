import asyncio


async def parked(event):
    await event.wait()


def units():
    return 1


async def repeat(times):
    event = asyncio.Event()
    for _ in range(times):
        task = asyncio.create_task(parked(event))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
