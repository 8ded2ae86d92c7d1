"""Test classes for test_collection.py: what there is to copy, to run again and to free."""

import collections
import contextvars
import itertools
import unittest

import testtools


class Letters(unittest.TestCase):
    def test_a(self):
        pass

    def test_b(self):
        self.fail("b")

    def test_c(self):
        self.skipTest("c")


class Stateful(unittest.TestCase):
    def test_state(self):
        self.assertFalse(hasattr(self, "seen"))
        self.seen = True


class Countable(testtools.TestCase):
    alive = collections.Counter()

    def __init__(self, *args):
        super().__init__(*args)
        self.payload = None

    def setUp(self):
        super().setUp()
        alive = Countable.alive

        class Payload:
            def __init__(self):
                alive["now"] += 1
                alive["most"] = max(alive.values())

            def __del__(self):
                alive["now"] -= 1

        self.payload = Payload()

    def test_1(self):
        pass

    test_2 = test_3 = test_4 = test_5 = test_1


class Bound(unittest.TestCase):
    def __init__(self, *args):
        super().__init__(*args)
        self.check = self.is_set_up

    def setUp(self):
        self.ready = next(Bound.numbers)

    def is_set_up(self):
        return self.ready

    def test_check(self):
        self.assertEqual(self.check(), self.ready)

    numbers = itertools.count()


class Expected(testtools.TestCase):
    def setUp(self):
        super().setUp()
        self.number = next(self.numbers)

    @unittest.expectedFailure
    def test_expected(self):
        self.assertLess(self.number, 2)

    numbers = itertools.count()


class CleansUp(unittest.TestCase):
    cleaned = []

    def __init__(self, *args):
        super().__init__(*args)
        self.addCleanup(self.cleaned.append, "from __init__")

    def test_it(self):
        self.addCleanup(self.cleaned.append, "from the test")


class Uncopyable(unittest.TestCase):
    def __copy__(self):
        raise RuntimeError("one of a kind")

    def test_it(self):
        pass


class UncopyableSuite(unittest.TestSuite):
    def __copy__(self):
        raise RuntimeError("one of a kind")


class Warm(unittest.TestCase):
    """What __init__ makes is new in each run, and what was set later stays as it was set."""

    def __init__(self, *args):
        super().__init__(*args)
        self.calls = []
        self.client = Client()

    def test_made_by_init(self):
        self.calls.append("x")
        self.client.requests += 1
        self.assertEqual((self.calls, self.client.requests), (["x"], 1))

    def test_set_later(self):
        self.values.append(4)
        self.assertEqual((self.values, self.marker is MARKER), ([1, 2, 3, 4], True))


class Client:
    def __init__(self):
        self.requests = 0


MARKER = object()


class WithArguments(unittest.TestCase):
    def __init__(self, name, values=(1,)):
        super().__init__(name)
        self.values = list(values)

    def test_values(self):
        self.values.append(3)
        self.assertEqual(self.values.count(3), 1)


VARIABLE = contextvars.ContextVar("variable", default=None)


class Async(unittest.IsolatedAsyncioTestCase):
    async def test_context(self):
        self.assertIsNone(VARIABLE.get())
        VARIABLE.set("mine")
