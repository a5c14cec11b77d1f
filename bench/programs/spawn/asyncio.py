import asyncio


async def child(i):
    return i


def units(tasks, eager=False):
    return tasks


async def repeat(times, tasks, eager=False):
    if eager:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        for _ in range(times):
            async with asyncio.TaskGroup() as group:
                for i in range(tasks):
                    group.create_task(child(i))
    else:
        for _ in range(times):
            results = await asyncio.gather(*(child(i) for i in range(tasks)))
            assert results[-1] == tasks - 1
