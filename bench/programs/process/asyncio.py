import asyncio
from asyncio.subprocess import DEVNULL, PIPE


async def one():
    child = await asyncio.create_subprocess_exec("echo", "x", stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    output, _ = await child.communicate()
    assert output == b"x\n" and child.returncode == 0


def units(processes, atOnce):
    return processes


async def repeat(times, processes, atOnce):
    for _ in range(0, times * processes, atOnce):
        await asyncio.gather(*(one() for _ in range(atOnce)))
