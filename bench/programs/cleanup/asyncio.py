import asyncio

cleaned = 0


async def sleeper():
    global cleaned
    try:
        await asyncio.sleep(3600)
    finally:
        await asyncio.sleep(0)
        cleaned += 1


def units(tasks):
    return tasks


async def repeat(times, tasks):
    global cleaned
    for _ in range(times):
        cleaned = 0
        sleepers = [asyncio.create_task(sleeper()) for _ in range(tasks)]
        await asyncio.sleep(0)
        for task in sleepers:
            task.cancel()
        await asyncio.gather(*sleepers, return_exceptions=True)
        assert cleaned == tasks
