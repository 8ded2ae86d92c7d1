"""Addresses on the command line."""

import os

import pytest

from subunit_rpc.server.address import TcpAddress, UnixAddress, parse_address


@pytest.mark.parametrize(
    "text, address, shown",
    [
        ("9999", TcpAddress("127.0.0.1", 9999), "127.0.0.1:9999"),
        ("0", TcpAddress("127.0.0.1", 0), "127.0.0.1:0"),
        ("localhost:65535", TcpAddress("localhost", 65535), "localhost:65535"),
        ("[::1]:80", TcpAddress("::1", 80), "[::1]:80"),
        ("unix:/run/x:1", UnixAddress("/run/x:1"), "unix:/run/x:1"),
        ("unix:@x", UnixAddress("@x"), "unix:@x"),
    ],
)
def test_an_address_is_read_and_shown(text, address, shown):
    assert parse_address(text) == address
    assert str(address) == shown


def test_a_relative_path_is_that_of_now():
    assert parse_address("unix:x") == UnixAddress(os.path.join(os.getcwd(), "x"))


@pytest.mark.parametrize("text", ["", "x", "host:", "host:x", "host:65536", "-1", "host:²"])
def test_what_is_no_address_is_shown(text):
    with pytest.raises(ValueError, match="is not HOST:PORT, PORT or unix:PATH"):
        parse_address(text)


def test_no_host_is_not_every_interface():
    with pytest.raises(ValueError, match="':80' has no host"):
        parse_address(":80")


def test_a_unix_address_has_a_path():
    with pytest.raises(ValueError, match="no path"):
        parse_address("unix:")
