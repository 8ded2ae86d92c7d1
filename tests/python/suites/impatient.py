"""A module that wants no socket of its process to wait long."""

import socket
import unittest

socket.setdefaulttimeout(0.05)


class Impatient(unittest.TestCase):
    def test_it(self):
        self.assertEqual(socket.getdefaulttimeout(), 0.05)
