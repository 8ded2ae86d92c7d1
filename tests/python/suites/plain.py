"""Every way in which a test of unittest ends, with nothing that has to be installed."""

import sys
import unittest


class Outcomes(unittest.TestCase):
    def test_error(self):
        raise ValueError("wrong")

    def test_exit(self):
        sys.exit("away")

    def test_fail(self):
        self.assertEqual("line\n" * 3, "line\n" * 4)

    def test_pass(self):
        pass

    def test_skip(self):
        self.skipTest("not today")

    @unittest.skip("never")
    def test_skip_before(self):
        pass

    @unittest.expectedFailure
    def test_uxsuccess(self):
        pass

    @unittest.expectedFailure
    def test_xfail(self):
        self.fail("as expected")


class Subtests(unittest.TestCase):
    def test_fail(self):
        for number in range(3):
            with self.subTest("odd or even", number=number):
                self.assertEqual(number % 2, 0)

    def test_pass(self):
        with self.subTest(number=0):
            pass

    def test_skip(self):
        for number in range(2):
            with self.subTest(number=number):
                self.skipTest(f"not {number}")


class Fixtures(unittest.TestCase):
    def setUp(self):
        self.addCleanup(self.clean_up)

    def clean_up(self):
        if "cleanup" in self.id():
            raise RuntimeError("no cleanup")

    def tearDown(self):
        if "teardown" in self.id():
            raise RuntimeError("no teardown")

    def test_cleanup_teardown_and_the_test_itself(self):
        self.fail("nor the test")

    def test_teardown(self):
        pass


class FailsToSetUp(unittest.TestCase):
    def setUp(self):
        raise RuntimeError("no setup")

    def test_it(self):
        pass


@unittest.skip("no class")
class Skipped(unittest.TestCase):
    def test_it(self):
        pass


class FailsToSetUpClass(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("no class")

    def test_1(self):
        pass

    test_2 = test_1


class FailsToTearDownClass(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        raise RuntimeError("too late")

    def test_it(self):
        pass


if sys.version_info >= (3, 8):

    class Async(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            self.addAsyncCleanup(self.clean_up)

        async def clean_up(self):
            if "cleanup" in self.id():
                raise RuntimeError("no cleanup")

        async def test_cleanup(self):
            pass

        async def test_fail(self):
            self.fail("on purpose")

        async def test_pass(self):
            pass

    class FailsToCleanUpClass(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.addClassCleanup(cls.fail, cls, "no cleanup")

        def test_it(self):
            pass
