import asyncio
import os

LOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "load.mjs")


async def echo(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data[:16])
            writer.write(data[16:])
            await writer.drain()
        writer.close()
    except ConnectionError:
        pass


def units(connections, size):
    return 1


def least(connections, size):
    return 2000 if size > 10000 else 10000


async def repeat(times, connections, size):
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    load = await asyncio.create_subprocess_exec(
        os.environ.get("BENCH_NODE", "node"),
        LOAD,
        "client",
        *map(str, (port, connections, size, times)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    await load.stdout.readline()
    restart()
    load.stdin.write(b"go\n")
    await load.stdout.readline()
    await load.wait()
    server.close()
