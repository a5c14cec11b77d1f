"""Measures one program in a process of its own: python child.py asyncio|uvloop <program> <arguments> <goal>

The counterpart of child.mjs. A program is a module with `units(**arguments)` and
`async repeat(times, **arguments)`, or with `async value(**arguments)`.
"""

import importlib.util
import json
import sys
import time

TOO_SLOW = 1.5  # seconds, for a single round: it is not repeated
WARM_UP = 0.2  # seconds


def load(path):
    spec = importlib.util.spec_from_file_location("program", path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def main(kind, path, arguments, goal):
    program = load(path)
    arguments = json.loads(arguments)
    goal = float(goal)
    if hasattr(program, "value_sync"):
        return {"value": program.value_sync(**arguments)}

    import asyncio

    loop_factory = None
    if kind == "uvloop":
        import uvloop

        loop_factory = uvloop.new_event_loop

    def run(coroutine):
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(coroutine)

    if hasattr(program, "value"):
        return {"value": run(program.value(**arguments))}

    def measure(times):
        begin = []

        def restart():
            begin[:] = time.perf_counter(), time.process_time()

        program.restart = restart  # for programs whose preparations do not count
        restart()
        run(program.repeat(times, **arguments))
        return time.perf_counter() - begin[0], time.process_time() - begin[1]

    if hasattr(program, "prepare"):
        program.prepare(**arguments)

    def result(times, wall, cpu):
        nanoseconds = 1e9 / (program.units(**arguments) * times)
        return {"wall": wall * nanoseconds, "cpu": cpu * nanoseconds, "waits": hasattr(program, "fixed")}

    times = least = program.least(**arguments) if hasattr(program, "least") else 1
    if getattr(program, "fixed", False):
        measure(1)
    else:
        spent = 0
        while True:
            wall, cpu = measure(times)
            if times == least and cpu > TOO_SLOW:
                return result(least, wall, cpu)
            spent += cpu
            if cpu >= goal / 4 and spent >= WARM_UP:
                times = max(least, round(times * goal / cpu))
                break
            times *= 8 if cpu < goal / 40 else 2 if cpu < goal / 4 else 1
    wall, cpu = measure(times)
    return result(times, wall, cpu)


print(json.dumps(main(*sys.argv[1:])))
