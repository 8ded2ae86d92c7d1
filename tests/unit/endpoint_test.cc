#include "proxy/net/endpoint.h"

#include <doctest/doctest.h>

#include <string>

namespace proxy {
namespace {

TEST_CASE("an address is shown as people write it") {
  struct Row {
    const char *given, *shown;
  };
  const Row rows[] = {{"8080", "127.0.0.1:8080"},
                      {"127.0.0.1:0", "127.0.0.1:0"},
                      {"192.0.2.7:65535", "192.0.2.7:65535"},
                      {"localhost:22", "127.0.0.1:22"},
                      {"[::1]:80", "[::1]:80"},
                      {"::1:80", "[::1]:80"},
                      {"[2001:DB8:0:0::1]:80", "[2001:db8::1]:80"},
                      {"[::ffff:192.0.2.7]:80", "[::ffff:192.0.2.7]:80"},
                      {"[fe80::1%lo]:80", "[fe80::1%lo]:80"},
                      {"[fe80::1%1]:80", "[fe80::1%lo]:80"},
                      {"[fe80::1%4000000000]:80", "[fe80::1%4000000000]:80"},
                      {"unix:/run/it", "unix:/run/it"},
                      {"unix:@it", "unix:@it"}};
  for (const Row& row : rows) {
    CAPTURE(row.given);
    const auto endpoint = Endpoint::parse(row.given);
    REQUIRE_MESSAGE(endpoint, endpoint.error().text);
    CHECK(endpoint->text() == row.shown);
    CHECK(Endpoint::parse(endpoint->text()).value().text() == row.shown);
  }
}

TEST_CASE("what is no address is an error that shows it") {
  for (const std::string text :
       {"", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:http",
        "[::1]", "unix:", "[fe80::1%nosuch]:80", "[::1%]:80",
        "[fe80::1%a-name-that-is-too-long]:80"}) {
    CAPTURE(text);
    const auto endpoint = Endpoint::parse(text);
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().text.find("\"" + text + "\"") != std::string::npos);
  }
}

TEST_CASE("what is no plain address is the resolver's") {
  CHECK(Endpoint::parse("127.1:80").value().text() == "127.0.0.1:80");
}

TEST_CASE("any port is told from a port") {
  CHECK(Endpoint::parse("127.0.0.1:0").value().any_port());
  CHECK(Endpoint::parse("[::1]:0").value().any_port());
  CHECK_FALSE(Endpoint::parse("[::1]:256").value().any_port());
  CHECK_FALSE(Endpoint::parse("unix:/run/it").value().any_port());
}

}  // namespace
}  // namespace proxy
