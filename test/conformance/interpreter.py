"""Runs conformance programs on CPython's asyncio, in virtual time, and returns their traces.

The twin of interpreter.ts: the same methods, with the same names, in the same order. What a
program is, and what each operation does, is written in program.ts.

Two things that CPython leaves open are fixed here, and nothing else is touched (the C
implementations of Task and Future stay in use):

1. Timers with equal deadlines run in the order in which they were made. CPython takes them from a
   binary heap that compares deadlines only (0, 2, 1 for three). `FifoTimerHandle` also compares a
   serial number.
2. Sets of futures are walked in the order in which they were filled; CPython walks them by hash,
   that is by address. `OrderedSet` stands for the name `set` in asyncio.tasks (wait(), as_completed())
   and in asyncio.taskgroups (TaskGroup); as_completed()'s one set comprehension is rewritten to a
   call of `set`.

As a script: reads programs from standard input, one JSON text a line, and writes one JSON array of
trace lines for each.
"""

import asyncio
import contextvars
import gc
import inspect
import itertools
import json
import logging
import sys
import textwrap
import warnings
from asyncio import base_events, events, taskgroups, tasks

# ---------------------------------------------------------------- the two normalisations


class FifoTimerHandle(events.TimerHandle):
    """A timer that is ordered by its deadline, then by its age."""

    serial_numbers = itertools.count()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.serial = next(self.serial_numbers)

    def __lt__(self, other):
        return (self._when, self.serial) < (other._when, other.serial)


class OrderedSet:
    """As much of a set as asyncio uses, walked in insertion order."""

    def __init__(self, items=()):
        self.items = dict.fromkeys(items)

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)

    def __contains__(self, item):
        return item in self.items

    def add(self, item):
        self.items[item] = None

    def discard(self, item):
        self.items.pop(item, None)

    def remove(self, item):
        del self.items[item]

    def clear(self):
        self.items.clear()


def normalise():
    base_events.events.TimerHandle = FifoTimerHandle
    tasks.set = OrderedSet
    taskgroups.set = OrderedSet
    comprehension = '{ensure_future(aw, loop=loop) for aw in set(aws)}'
    call = 'set(ensure_future(aw, loop=loop) for aw in set(aws))'
    source = textwrap.dedent(inspect.getsource(tasks._AsCompletedIterator.__init__))
    assert source.count(comprehension) == 1, 'as_completed() is not the one we know'
    namespace = {}
    exec(source.replace(comprehension, call), tasks.__dict__, namespace)
    tasks._AsCompletedIterator.__init__ = namespace['__init__']


normalise()

# ---------------------------------------------------------------- virtual time


class VirtualLoop(base_events.BaseEventLoop):
    """BaseEventLoop whose clock jumps to the next deadline instead of waiting for it."""

    def __init__(self):
        super().__init__()
        self._clock_resolution = 1e-9
        self._selector = self
        self.now = 0.0
        self.iteration = 0

    def time(self):
        return self.now

    def select(self, timeout):
        # Called once in every iteration. The watchdog timer is always there, so `timeout` is a number.
        self.iteration += 1
        self.now += timeout
        return []

    def _process_events(self, event_list):
        pass

    def _write_to_self(self):
        pass


# ---------------------------------------------------------------- words of the trace

TICK = 0.125
HORIZON = 400
ROUNDS = 12
STEPS = 600
EAGER_START = sys.version_info >= (3, 14)


class Boom(BaseException):
    """An exception that `except Exception` does not catch."""


ERRORS = {
    'BaseException': BaseException,
    'Boom': Boom,
    'CancelledError': asyncio.CancelledError,
    'Exception': Exception,
    'ExceptionGroup': ExceptionGroup,
    'KeyboardInterrupt': KeyboardInterrupt,
    'LookupError': LookupError,
    'QueueEmpty': asyncio.QueueEmpty,
    'QueueFull': asyncio.QueueFull,
    'QueueShutDown': asyncio.QueueShutDown,
    'BrokenBarrierError': asyncio.BrokenBarrierError,
    'RuntimeError': RuntimeError,
    'SystemExit': SystemExit,
    'TimeoutError': TimeoutError,
    'ValueError': ValueError,
}


# CPython's two implementations differ in the message of the first, and it has none for the others.
UNTOLD = (asyncio.InvalidStateError, asyncio.QueueEmpty, asyncio.QueueFull, asyncio.QueueShutDown)


class Missing(Exception):
    """The slot is empty."""


class Frame:
    """One call of a function, or one run of a callback (which has no number)."""

    def __init__(self, label):
        self.label = label
        self.handling = []
        self.tokens = {}


def text(op):
    """The operation without the blocks inside it."""
    return ' '.join(word(x) for x in op if not isinstance(x, (list, dict)))


def word(value):
    if value is None or value is True or value is False:
        return str(value)
    return f'{value}'


def describe(value):
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, BaseException):
        return describe_error(value)
    if isinstance(value, (list, tuple, OrderedSet)):
        return '[' + ', '.join(describe(x) for x in value) + ']'
    if asyncio.isfuture(value):
        return describe_future(value)
    return word(value)


def describe_error(error):
    name = type(error).__name__
    if isinstance(error, BaseExceptionGroup):
        body = f"'{error.message}', {describe(error.exceptions)}"
    elif isinstance(error, UNTOLD):
        body = ''
    else:
        # Some messages end with a task or a future as text.
        args = (x.partition('<Task ')[0].partition('<Future ')[0] if isinstance(x, str) else x for x in error.args)
        body = ', '.join(describe(x) for x in args)
    cause = f' from {describe_error(error.__cause__)}' if error.__cause__ is not None else ''
    return f'{name}({body}){cause}'


def describe_future(future):
    return 'cancelled' if future.cancelled() else 'done' if future.done() else 'pending'


def describe_state(future):
    if not future.done():
        state = 'pending'
    elif future.cancelled():
        state = 'cancelled'
    elif (error := future.exception()) is not None:
        state = f'raised {describe(error)}'
    else:
        state = f'returned {describe(future.result())}'
    return f'{state} cancelling={future.cancelling()}' if isinstance(future, asyncio.Task) else state


# ---------------------------------------------------------------- one run of one program


class Run:
    def __init__(self, program):
        self.program = program
        self.trace = []
        self.over = False
        self.steps = 0
        self.rounds = 0
        self.first = 0
        self.kept = []
        # The futures that a gather waits for; while one is made, `family` is the list of its own.
        self.children = {}
        self.family = None
        self.slots = {}
        self.counters = {}
        self.parked = {}
        self.callbacks = {}
        self.variables = {name: contextvars.ContextVar(name, default=0) for name in ('v0', 'v1')}
        self.loop = VirtualLoop()
        self.objects = {}
        for name, spec in program['objects'].items():
            self.objects[name] = self.make(spec)

    def make(self, spec):
        kind, *args = spec
        match kind:
            case 'lock':
                return asyncio.Lock()
            case 'event':
                return asyncio.Event()
            case 'condition':
                return asyncio.Condition(self.objects[args[0]]) if args else asyncio.Condition()
            case 'semaphore':
                return asyncio.Semaphore(args[0])
            case 'boundedSemaphore':
                return asyncio.BoundedSemaphore(args[0])
            case 'barrier':
                return asyncio.Barrier(args[0])
            case 'queue':
                return asyncio.Queue(args[0])
            case 'priorityQueue':
                return asyncio.PriorityQueue(args[0])
            case 'lifoQueue':
                return asyncio.LifoQueue(args[0])
        raise TypeError(f'no such object: {kind}')

    # -- the whole run

    def run(self):
        loop = self.loop
        outside = Frame('-')
        loop.set_exception_handler(self.handler)
        if self.program.get('eager'):
            loop.set_task_factory(asyncio.eager_task_factory)
        loop.call_later(HORIZON * TICK, self.watchdog)
        main = loop.create_task(self.function(0))
        self.first = self.number(main) - 1
        self.drive(outside, 'main', main)
        leftover = self.all_tasks()
        if leftover:
            self.log(outside, f'leftover {self.names(leftover)}')
            for task in leftover:
                task.cancel('leftover')
            self.drive(outside, 'rest', tasks.gather(*leftover, return_exceptions=True))
        for slot, value in self.slots.items():
            if asyncio.isfuture(value):
                self.log(outside, f'at last {slot} {describe_state(value)}')
        self.over = True
        loop.close()
        return self.trace

    def drive(self, frame, name, future):
        try:
            value = self.loop.run_until_complete(future)
        except BaseException as error:
            self.log(frame, f'{name} raised {describe(error)}')
        else:
            self.log(frame, f'{name} returned {describe(value)}')

    def watchdog(self):
        """Cancels everything when the program has run for too long, so that it ends."""
        frame = Frame('-')
        self.rounds += 1
        self.log(frame, 'watchdog')
        self.loop.call_later(HORIZON * TICK, self.watchdog)
        if self.rounds > ROUNDS:
            self.loop.stop()
            return
        for task in self.all_tasks():
            task.cancel('watchdog')

    def handler(self, loop, context):
        """The loop's exception handler: only what does not depend on garbage collection is traced."""
        frame = Frame('-')
        message = context['message']
        if message.startswith('Exception in callback'):
            self.log(frame, f"reported: callback raised {describe(context['exception'])}")
        elif message.endswith('exception in shielded future'):
            self.log(frame, f"reported: shielded raised {describe(context['exception'])}")
        elif 'has errored out but its parent task' in message:
            self.log(frame, f"reported: orphan raised {describe(context['exception'])}")

    # -- names and the trace

    def log(self, frame, what):
        if self.over:
            return
        task = asyncio.current_task(self.loop)
        who = self.name(task) if task is not None else '-'
        self.trace.append(f'{self.ticks(self.loop.time())} {self.loop.iteration} {who} {frame.label} {what}')

    def begin(self, frame, op, awaitable=None):
        task = asyncio.current_task(self.loop)
        self.parked[task] = awaitable
        self.log(frame, f'{text(op)} ...')

    def end(self, frame, op, value=None):
        self.parked.pop(asyncio.current_task(self.loop), None)
        self.log(frame, f'{text(op)} -> {describe(value)}')

    def fail(self, frame, op, error):
        self.parked.pop(asyncio.current_task(self.loop), None)
        self.log(frame, f'{text(op)} raised {describe(error)}')

    def ticks(self, time):
        return None if time is None else round(time / TICK)

    def number(self, task):
        return int(task.get_name().partition('-')[2])

    def name(self, task):
        return f'T{self.number(task) - self.first}'

    def names(self, some):
        return '[' + ', '.join(self.name(task) for task in some) + ']'

    def all_tasks(self):
        return sorted(asyncio.all_tasks(self.loop), key=self.number)

    def spent(self):
        """Whether operations are over: too many, or of a coroutine that is thrown away after the run."""
        self.steps += 1
        return self.over or self.steps > STEPS

    def slot(self, name):
        if name not in self.slots:
            raise Missing(name)
        return self.slots[name]

    def awaited(self, op):
        """The future in whose slot an operation waits, if it does."""
        if op[0] in ('await', 'waitFor') and isinstance(op[1], str):
            return self.slots[op[1]]
        return None

    def circular(self, future, task):
        """Whether a future waits for the task: cancelling such a circle overflows the stack."""
        ahead = [future]
        for future in ahead:
            if future is task:
                return True
            for other in self.children.get(future, [self.parked.get(future)]):
                if other is not None and other not in ahead:
                    ahead.append(other)
        return False

    def keep(self, name, value):
        """Fills a slot. What was in it before stays alive."""
        self.kept.append(value)
        self.slots[name] = value
        return value

    # -- functions and blocks

    def start(self, index):
        """The coroutine of a function."""
        return self.function(index, self.family)

    async def function(self, index, family=None):
        frame = Frame(f'f{index}')
        if family is not None:
            family.append(asyncio.current_task(self.loop))
        self.kept.append(asyncio.current_task(self.loop))
        self.log(frame, 'begins')
        try:
            signal = await self.block(frame, self.program['functions'][index])
        except BaseException as error:
            self.log(frame, f'raises {describe(error)}')
            raise
        value = signal[0] if signal is not None else None
        self.log(frame, f'returns {describe(value)}')
        return value

    async def block(self, frame, block):
        """Runs operations until one of them returns: the result is None or a list with the value."""
        for op in block:
            if self.spent():
                return None
            signal = await self.operation(frame, op)
            if signal is not None:
                return signal
        return None

    async def operation(self, frame, op):
        kind = op[0]
        if kind == 'return':
            return [op[1]]
        if kind in STRUCTURES:
            return await STRUCTURES[kind](self, frame, op)
        if kind in WAITS:
            await self.wait(frame, op)
        else:
            self.act(frame, op)
        return None

    def callback(self, block):
        """A callback that runs a block of operations which do not wait."""

        def run(*_):
            frame = Frame('cb')
            self.log(frame, 'runs')
            for op in block:
                if self.spent():
                    return
                self.act(frame, op)

        return run

    # -- operations that do not wait

    def act(self, frame, op):
        """Does one operation. Only `raise` and `reraise` raise: any other error is just traced."""
        if op[0] == 'raise':
            _, error, *args = op
            raise ERRORS[error](*args)
        if op[0] == 'reraise':
            if not frame.handling:
                return
            raise frame.handling[-1]
        try:
            value = ACTIONS[op[0]](self, frame, *op[1:])
        except Missing:
            self.log(frame, f'{text(op)} skipped')
        except BaseException as error:
            self.log(frame, f'{text(op)} raised {describe(error)}')
        else:
            self.log(frame, f'{text(op)} -> {describe(value)}')

    def say(self, frame, what):
        return what

    def busy(self, frame, delay):
        self.loop.now += delay * TICK

    def spawn(self, frame, slot, what, options=None):
        options = self.task_options(options)
        coroutine = self.operand(frame, what)
        if options.get('eager_start') and not EAGER_START:
            return self.name(self.keep(slot, asyncio.Task(coroutine, loop=self.loop, **options)))
        return self.name(self.keep(slot, asyncio.create_task(coroutine, **options)))

    def group_spawn(self, frame, group, slot, what, options=None):
        group = self.slot(group)
        options = self.task_options(options)
        return self.name(self.keep(slot, group.create_task(self.operand(frame, what), **options)))

    def task_options(self, options):
        found = {}
        if options and 'context' in options:
            found['context'] = self.slot(options['context'])
        if options and 'eager' in options:
            found['eager_start'] = options['eager']
        return found

    def ensure(self, frame, slot, what):
        self.keep(slot, asyncio.ensure_future(self.operand(frame, what)))

    def future(self, frame, slot):
        self.keep(slot, self.loop.create_future())

    def gather(self, frame, slot, operands, return_exceptions):
        self.family = family = []
        try:
            awaitables = [self.operand(frame, x) for x in operands]
        finally:
            self.family = None
        family.extend(x for x in awaitables if asyncio.isfuture(x))
        outer = self.keep(slot, asyncio.gather(*awaitables, return_exceptions=return_exceptions))
        self.children[outer] = family

    def shield(self, frame, slot, what):
        self.keep(slot, asyncio.shield(self.operand(frame, what)))

    def set_result(self, frame, slot, value):
        self.slot(slot).set_result(value)

    def set_exception(self, frame, slot, error, *args):
        self.slot(slot).set_exception(ERRORS[error](*args))

    def cancel(self, frame, slot, message=None):
        future = self.slot(slot)
        parked = future in self.parked and future is not asyncio.current_task(self.loop)
        accepted = future.cancel(message) if message is not None else future.cancel()
        return ('parked ' if parked else '') + str(accepted)

    def cancel_self(self, frame, message=None):
        task = asyncio.current_task(self.loop)
        return task.cancel(message) if message is not None else task.cancel()

    def uncancel(self, frame, slot=None):
        return self.task(slot).uncancel()

    def cancelling(self, frame, slot=None):
        return self.task(slot).cancelling()

    def task(self, slot):
        task = asyncio.current_task(self.loop) if slot is None else self.slot(slot)
        if not isinstance(task, asyncio.Task):
            raise Missing(slot)
        return task

    def state(self, frame, slot):
        return describe_state(self.slot(slot))

    def result(self, frame, slot):
        return self.slot(slot).result()

    def exception(self, frame, slot):
        return self.slot(slot).exception()

    def all_names(self, frame):
        return self.names(self.all_tasks())

    def add_done_callback(self, frame, slot, tag, block, context=None):
        def done(future):
            frame = Frame('cb')
            self.log(frame, f'{tag} sees {describe_future(future)}')
            run(future)

        run = self.callback(block)
        future = self.slot(slot)
        self.callbacks[tag] = done
        if context is not None:
            future.add_done_callback(done, context=self.slot(context))
        else:
            future.add_done_callback(done)

    def remove_done_callback(self, frame, slot, tag):
        if tag not in self.callbacks:
            raise Missing(tag)
        return self.slot(slot).remove_done_callback(self.callbacks[tag])

    def call_soon(self, frame, slot, block, context=None):
        context = self.slot(context) if context is not None else None
        self.keep(slot, self.loop.call_soon(self.callback(block), context=context))

    def call_later(self, frame, slot, delay, block, context=None):
        context = self.slot(context) if context is not None else None
        self.keep(slot, self.loop.call_later(delay * TICK, self.callback(block), context=context))

    def call_at(self, frame, slot, delay, block):
        when = self.loop.time() + delay * TICK
        self.keep(slot, self.loop.call_at(when, self.callback(block)))

    def cancel_handle(self, frame, slot):
        self.slot(slot).cancel()
        return self.slot(slot).cancelled()

    def release(self, frame, name):
        self.objects[name].release()
        return self.objects[name].locked()

    def locked(self, frame, name):
        return self.objects[name].locked()

    def notify(self, frame, name, n):
        self.objects[name].notify(n)

    def notify_all(self, frame, name):
        self.objects[name].notify_all()

    def count(self, frame, counter):
        self.counters[counter] = self.counters.get(counter, 0) + 1
        return self.counters[counter]

    def set(self, frame, name):
        self.objects[name].set()

    def clear(self, frame, name):
        self.objects[name].clear()

    def is_set(self, frame, name):
        return self.objects[name].is_set()

    def barrier_state(self, frame, name):
        barrier = self.objects[name]
        return [barrier.parties, barrier.n_waiting, barrier.broken]

    def put_nowait(self, frame, name, item):
        self.objects[name].put_nowait(item)

    def get_nowait(self, frame, name):
        return self.objects[name].get_nowait()

    def task_done(self, frame, name):
        self.objects[name].task_done()

    def shutdown(self, frame, name, immediate):
        self.objects[name].shutdown(immediate)

    def queue_state(self, frame, name):
        queue = self.objects[name]
        return [queue.qsize(), queue.empty(), queue.full()]

    def set_variable(self, frame, name, value):
        frame.tokens[name] = self.variables[name].set(value)

    def get_variable(self, frame, name):
        return self.variables[name].get()

    def reset_variable(self, frame, name):
        if name not in frame.tokens:
            raise Missing(name)
        self.variables[name].reset(frame.tokens.pop(name))

    def copy_context(self, frame, slot):
        self.keep(slot, contextvars.copy_context())

    def get_in_context(self, frame, slot, name):
        return self.slot(slot).get(self.variables[name], 0)

    def make_timeout(self, frame, slot, delay):
        self.keep(slot, asyncio.timeout(None if delay is None else delay * TICK))

    def reschedule(self, frame, slot, delay):
        self.slot(slot).reschedule(None if delay is None else self.loop.time() + delay * TICK)

    def timeout_state(self, frame, slot):
        scope = self.slot(slot)
        return [self.ticks(scope.when()), scope.expired()]

    # -- operations that wait

    async def wait(self, frame, op):
        try:
            awaitable = self.awaitable(frame, op)
        except Missing:
            self.log(frame, f'{text(op)} skipped')
            return
        self.begin(frame, op, self.awaited(op))
        try:
            value = await awaitable
        except BaseException as error:
            self.fail(frame, op, error)
            raise
        self.end(frame, op, value)

    def operand(self, frame, what):
        """What an operation takes to wait for: a function's number, a slot, or an operation that waits."""
        if isinstance(what, int):
            return self.start(what)
        if isinstance(what, str):
            return self.slot(what)
        return self.awaitable(frame, what)

    def awaitable(self, frame, op):
        return WAITS[op[0]](self, frame, *op[1:])

    def sleep(self, frame, delay, result=None):
        return asyncio.sleep(delay * TICK, result)

    def await_slot(self, frame, slot):
        future = self.slot(slot)
        if self.circular(future, asyncio.current_task(self.loop)):
            raise Missing(slot)
        return future

    def await_self(self, frame):
        return asyncio.current_task(self.loop)

    def call(self, frame, index):
        return self.start(index)

    def acquire(self, frame, name):
        return self.objects[name].acquire()

    def condition_wait(self, frame, name):
        return self.objects[name].wait()

    def condition_wait_for(self, frame, name, counter, n):
        def predicate():
            self.log(frame, f'predicate {counter} {self.counters.get(counter, 0)}')
            return self.counters.get(counter, 0) >= n

        return self.objects[name].wait_for(predicate)

    def event_wait(self, frame, name):
        return self.objects[name].wait()

    def barrier_wait(self, frame, name):
        return self.objects[name].wait()

    def barrier_reset(self, frame, name):
        return self.objects[name].reset()

    def barrier_abort(self, frame, name):
        return self.objects[name].abort()

    def put(self, frame, name, item):
        return self.objects[name].put(item)

    def get(self, frame, name):
        return self.objects[name].get()

    def join(self, frame, name):
        return self.objects[name].join()

    def wait_all(self, frame, operands, timeout, return_when):
        futures = [self.operand(frame, x) for x in operands]
        timeout = None if timeout is None else timeout * TICK
        return asyncio.wait(futures, timeout=timeout, return_when=return_when)

    def wait_for(self, frame, what, timeout):
        awaitable = self.await_slot(frame, what) if isinstance(what, str) else self.operand(frame, what)
        return asyncio.wait_for(awaitable, None if timeout is None else timeout * TICK)

    # -- operations around blocks

    async def attempt(self, frame, op):
        _, body, handlers, last = op
        try:
            try:
                return await self.block(frame, body)
            except BaseException as error:
                for names, handler in handlers:
                    if isinstance(error, tuple(ERRORS[name] for name in names)):
                        break
                else:
                    raise
                self.log(frame, f'except {describe(error)}')
                frame.handling.append(error)
                try:
                    return await self.block(frame, handler)
                finally:
                    frame.handling.pop()
        finally:
            if last:
                self.log(frame, 'finally')
                await self.block(frame, last)

    async def repeat(self, frame, op):
        _, times, body = op
        for _ in range(times):
            signal = await self.block(frame, body)
            if signal is not None:
                return signal
        return None

    async def timeout(self, frame, op):
        _, slot, delay, body = op
        scope = self.keep(slot, asyncio.timeout(None if delay is None else delay * TICK))
        return await self.within(frame, op, scope, body)

    async def timeout_at(self, frame, op):
        _, slot, delay, body = op
        scope = self.keep(slot, asyncio.timeout_at(None if delay is None else self.loop.time() + delay * TICK))
        return await self.within(frame, op, scope, body)

    async def reenter(self, frame, op):
        _, slot, body = op
        if slot not in self.slots:
            self.log(frame, f'{text(op)} skipped')
            return None
        return await self.within(frame, op, self.slots[slot], body)

    async def group(self, frame, op):
        _, slot, body = op
        return await self.within(frame, op, self.keep(slot, asyncio.TaskGroup()), body)

    async def hold(self, frame, op):
        _, name, body = op
        return await self.within(frame, op, self.objects[name], body)

    async def within(self, frame, op, manager, body):
        """async with manager: body"""
        self.begin(frame, op)
        signal = None
        try:
            async with manager as value:
                self.end(frame, op, value if isinstance(value, int) else None)
                try:
                    signal = await self.block(frame, body)
                finally:
                    self.begin(frame, ['leave', *op])
        except BaseException as error:
            self.fail(frame, ['leave', *op], error)
            raise
        self.end(frame, ['leave', *op])
        return signal

    async def as_completed(self, frame, op):
        _, operands, timeout, style, body = op
        self.log(frame, text(op))
        try:
            awaitables = [self.operand(frame, x) for x in operands]
        except Missing:
            self.log(frame, f'{text(op)} skipped')
            return None
        iterator = asyncio.as_completed(awaitables, timeout=None if timeout is None else timeout * TICK)
        self.begin(frame, ['next'])
        try:
            if style == 'futures':
                async for future in iterator:
                    self.end(frame, ['next'], describe_state(future))
                    signal = await self.block(frame, body)
                    if signal is not None:
                        return signal
                    self.begin(frame, ['next'])
            else:
                for coroutine in iterator:
                    try:
                        self.end(frame, ['next'], await coroutine)
                    except Exception as error:
                        self.fail(frame, ['next'], error)
                    signal = await self.block(frame, body)
                    if signal is not None:
                        return signal
                    self.begin(frame, ['next'])
        except BaseException as error:
            self.fail(frame, ['next'], error)
            raise
        self.end(frame, ['next'])
        return None


ACTIONS = {
    'say': Run.say,
    'busy': Run.busy,
    'spawn': Run.spawn,
    'groupSpawn': Run.group_spawn,
    'ensure': Run.ensure,
    'future': Run.future,
    'gather': Run.gather,
    'shield': Run.shield,
    'setResult': Run.set_result,
    'setException': Run.set_exception,
    'cancel': Run.cancel,
    'cancelSelf': Run.cancel_self,
    'uncancel': Run.uncancel,
    'cancelling': Run.cancelling,
    'state': Run.state,
    'result': Run.result,
    'exception': Run.exception,
    'allTasks': Run.all_names,
    'addDoneCallback': Run.add_done_callback,
    'removeDoneCallback': Run.remove_done_callback,
    'callSoon': Run.call_soon,
    'callLater': Run.call_later,
    'callAt': Run.call_at,
    'cancelHandle': Run.cancel_handle,
    'release': Run.release,
    'locked': Run.locked,
    'notify': Run.notify,
    'notifyAll': Run.notify_all,
    'count': Run.count,
    'set': Run.set,
    'clear': Run.clear,
    'isSet': Run.is_set,
    'barrierState': Run.barrier_state,
    'putNowait': Run.put_nowait,
    'getNowait': Run.get_nowait,
    'taskDone': Run.task_done,
    'shutdown': Run.shutdown,
    'queueState': Run.queue_state,
    'setVariable': Run.set_variable,
    'getVariable': Run.get_variable,
    'resetVariable': Run.reset_variable,
    'copyContext': Run.copy_context,
    'getInContext': Run.get_in_context,
    'makeTimeout': Run.make_timeout,
    'reschedule': Run.reschedule,
    'timeoutState': Run.timeout_state,
}

WAITS = {
    'sleep': Run.sleep,
    'await': Run.await_slot,
    'awaitSelf': Run.await_self,
    'call': Run.call,
    'acquire': Run.acquire,
    'conditionWait': Run.condition_wait,
    'conditionWaitFor': Run.condition_wait_for,
    'eventWait': Run.event_wait,
    'barrierWait': Run.barrier_wait,
    'barrierReset': Run.barrier_reset,
    'barrierAbort': Run.barrier_abort,
    'put': Run.put,
    'get': Run.get,
    'join': Run.join,
    'wait': Run.wait_all,
    'waitFor': Run.wait_for,
}

STRUCTURES = {
    'try': Run.attempt,
    'repeat': Run.repeat,
    'timeout': Run.timeout,
    'timeoutAt': Run.timeout_at,
    'reenter': Run.reenter,
    'group': Run.group,
    'hold': Run.hold,
    'asCompleted': Run.as_completed,
}


# ---------------------------------------------------------------- entry points


def trace(program):
    # Pyodide has a loop of its own, which counts as running. The collector is kept away, because a
    # pending task that nobody holds is destroyed by it, at whatever moment it runs.
    outer = events._get_running_loop()
    events._set_running_loop(None)
    gc.disable()
    try:
        return contextvars.Context().run(Run(program).run)
    finally:
        gc.enable()
        events._set_running_loop(outer)


def trace_all(batch):
    """JSON array of programs -> JSON array of traces."""
    return json.dumps([trace_safely(program) for program in json.loads(batch)])


def trace_safely(program):
    """The trace, or one line that says how the run broke down."""
    try:
        return trace(program)
    except Exception as error:
        return [f'The run broke down: {error!r}']


warnings.simplefilter('ignore')
sys.unraisablehook = lambda unraisable: None  # coroutines that are still waiting when their loop goes
logging.getLogger('asyncio').setLevel(logging.CRITICAL + 1)

if __name__ == '__main__':
    for line in sys.stdin:
        print(json.dumps(trace_safely(json.loads(line))), flush=True)
