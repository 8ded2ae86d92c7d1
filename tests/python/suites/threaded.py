"""A module that starts a thread at import, which its test needs."""

import os
import queue
import threading
import unittest

questions, answers = queue.Queue(), queue.Queue()


def answer():
    while True:
        answers.put(questions.get() + 1)


threading.Thread(target=answer, name="answering", daemon=True).start()


class Threaded(unittest.TestCase):
    runs = 0

    def test_asks(self):
        questions.put(1)
        self.assertEqual(answers.get(timeout=30), 2)

    def test_first(self):
        self.assertEqual(Threaded.runs, 0)
        Threaded.runs = 1

    def test_leaves(self):
        os._exit(3)
