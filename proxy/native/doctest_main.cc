// doctest itself, in the version that this library was built with. Whoever has a main of their own
// has doctest's implementation beside it, and the linker then leaves this file out.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <subunit-proxy/doctest.h>

int main(int argc, char** argv) {
  return subunit_proxy::run_doctest(argc, argv);
}
